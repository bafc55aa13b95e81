"""The evidence of a rollout: restored from a snapshot at any pane, it continues as if nothing had happened."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.documents.state import Codec
from gates.evidence.evaluation import EvidenceState, RolloutEvidence
from gates.panes import NO_DETAIL, NOTHING, Pane
from gates.verdicts import Evaluation, Measurement, Verdict, VerdictKind
from tests.gates.drawn import cells
from tests.gates.pane_builders import BASELINE, CANDIDATE, EVERY_KIND, STAGES, T0, cell, pane, policy

POLICY = policy(budget={"slo": "99%", "spend": "50%"})

panes = st.builds(
    lambda mine, theirs, probes, complete, late, broken: (mine, theirs, probes, complete, late, broken),
    cells,
    cells,
    cells,
    st.booleans(),
    st.integers(0, 3),
    st.booleans(),
)
moves = st.one_of(panes, panes, panes, st.sampled_from(["confirm", "enter"]))


CODEC = Codec(EvidenceState)


def written(evidence: RolloutEvidence) -> str:
    """The evidence as a snapshot has it."""
    return json.dumps(CODEC.encode(evidence.state()))


def shown(evidence: RolloutEvidence) -> list[dict[str, object]]:
    """The intervals of every check."""
    none = Measurement(0, None)
    names = [*POLICY.checks, "budget"]
    verdicts = tuple(Verdict(name, VerdictKind.PASS, "", (0, 1), none, none) for name in names)
    return [verdict.intervals.document() for verdict in evidence.with_intervals(verdicts)]


def happen(evidence: RolloutEvidence, move: Any, second: int, stage: int) -> Evaluation | None:
    """Let a pane, an ack or an advance happen."""
    if move == "confirm":
        evidence.confirm_stage(T0 + second * 1_000)
        return None
    if move == "enter":
        evidence.enter_stage(stage, T0 + second * 1_000)
        return None
    mine, theirs, probes, complete, late, broken = move
    start = T0 + second * 1_000
    known = {CANDIDATE: mine, BASELINE: theirs}
    synthetic = {CANDIDATE: probes, BASELINE: theirs}
    return evidence.observe(Pane(start, start + 1_000, known, complete, {CANDIDATE: late}, broken, synthetic))


@settings(max_examples=40, deadline=None)
@given(st.lists(moves, min_size=1, max_size=14), st.integers(0, 13))
def test_a_snapshot_at_any_pane_changes_nothing(drawn: list[Any], cut: int) -> None:
    """With every kind of check at once: the same verdicts, doubts, intervals and state after a round trip by JSON."""
    known = RolloutEvidence(POLICY, T0)
    second = stage = 0
    for index, move in enumerate(drawn):
        if index == cut % len(drawn):
            other = RolloutEvidence(POLICY, T0)
            other.restore(CODEC.decode(json.loads(written(known))))
            assert written(other) == written(known)
            happened = happen(other, move, second, min(stage + 1, 1))
            assert happened == happen(known, move, second, min(stage + 1, 1))
            assert written(other) == written(known)
            assert shown(other) == shown(known)
            assert other.indicators() == known.indicators()
            known = other
        else:
            happen(known, move, second, min(stage + 1, 1))
        stage = min(stage + (move == "enter"), 1)
        second += not isinstance(move, str)


def test_what_made_the_evidence_is_shown_where_it_speaks_against_the_candidate() -> None:
    """Not while the e-value is small, and not for a check without evidence."""
    checks = {"e": {"sli": "error_rate", "ratio": 1.25}, "l": {"sli": "error_rate", "limit": "90%"}}
    known = RolloutEvidence(policy(checks, stages=STAGES[:1]), T0)
    for second in range(4):
        quiet = known.observe(pane(second, cell(30), cell(270, 3)))
    assert [verdict.blocks for verdict in known.with_intervals(quiet.verdicts)] == [None, None]
    for second in range(4, 12):
        found = known.observe(pane(second, cell(30, 15), cell(270, 3)))
    failing, limited = known.with_intervals(found.verdicts)
    assert failing.blocks is not None
    assert failing.blocks.whole == failing.e_value
    assert failing.blocks.largest[0].start >= T0 + 4_000
    assert limited.blocks is None
    assert list(known.blocks()) == ["e"]


def test_every_kind_of_check_is_there() -> None:
    """The property above is about all kinds of checks, samples and severities."""
    kinds = {definition["sli"] for definition in EVERY_KIND.values()}
    assert kinds == {"error_rate", "success_rate", "latency", "metric", "burn_rate", "coverage", "throughput_share"}
    verdicts = RolloutEvidence(POLICY, T0).observe(pane(0, cell(5), cell(5))).verdicts
    assert [verdict.name for verdict in verdicts] == [*sorted(EVERY_KIND), "budget"]


def test_the_warm_up_is_not_part_of_the_stages_figure() -> None:
    """Errors of the cold first seconds are neither compared, nor counted towards a pass, nor shown as the stage's."""
    known = RolloutEvidence(policy({"e": {"sli": "error_rate", "ratio": 1.25}}, stages=STAGES[:1]), T0)
    known.confirm_stage(T0)
    for second in range(10):
        cold = second < 2
        found = known.observe(pane(second, cell(30, 15 if cold else 0), cell(270)))
    assert found.verdicts[0].kind in (VerdictKind.PASS, VerdictKind.INCONCLUSIVE)
    assert found.verdicts[0].candidate.requests == 8 * 30
    assert "canary 0% (0 of 240)" in found.verdicts[0].reason
    assert (found.verdicts[0].e_value or 0.0) <= 1.0


def test_only_the_stage_in_force_supports_an_advance() -> None:
    """Requests before the ack, or on incomplete panes, do not count towards `min_requests`."""
    known = RolloutEvidence(policy({"e": {"sli": "error_rate", "limit": "20%"}}, stages=STAGES[1:]), T0)
    assert known.observe(pane(0, cell(100), None)).verdicts[0].kind is VerdictKind.INCONCLUSIVE
    known.confirm_stage(T0 + 1_000)
    assert known.observe(pane(1, cell(100), None, complete=False)).verdicts[0].kind is VerdictKind.INCONCLUSIVE
    assert known.observe(pane(2, cell(20), None)).verdicts[0].kind is VerdictKind.PASS


@pytest.mark.parametrize(("traffic", "seen"), [("real", 30), ("synthetic", 7), ("all", 37)])
def test_a_check_reads_its_sample(traffic: str, seen: int) -> None:
    """Users' requests, the probes', or both together; never one instead of the other."""
    document = {"e": {"sli": "error_rate", "limit": "90%", "traffic": traffic}}
    known = RolloutEvidence(policy(document, stages=STAGES[:1]), T0)
    found = known.observe(pane(0, cell(30), cell(30), synthetic={CANDIDATE: cell(7), BASELINE: NOTHING}))
    assert found.verdicts[0].candidate.requests == seen


def test_doubts_wait_for_the_ack() -> None:
    """Before a stage's weights are confirmed, traffic by other weights is expected."""
    document = {"e": {"sli": "error_rate", "limit": "90%"}}
    known = RolloutEvidence(policy(document, stages=[{"name": "a", "weight": "10%", "bake": "9s"}]), T0)
    strays = {"others": {"": cell(50)}}
    assert known.observe(pane(0, cell(50), cell(50), **strays)).doubts == ()
    known.confirm_stage(T0 + 1_000)
    assert known.observe(pane(1, cell(50), cell(50), **strays)).doubts != ()


def test_details_without_requests_are_kept() -> None:
    """A heartbeat's cell has no requests and does not end a silence."""
    known = RolloutEvidence(POLICY, T0)
    beat = cell(0, emitters=(1,))
    assert beat.detail is not NO_DETAIL
    assert known.observe(pane(0, beat, beat)).silent_ms == 1_000


def test_a_sign_of_life_of_the_baseline_is_a_success_and_at_all_traffic_a_heartbeat() -> None:
    """At 100% the requests of the baseline end by order, and their end shows nothing."""
    evidence = RolloutEvidence(POLICY, T0)
    assert evidence.observe(pane(0, cell(5), cell(5))).baseline_alive_at == T0 + 1_000
    assert evidence.observe(pane(1, cell(5), cell(5, 5))).baseline_alive_at == T0 + 1_000
    evidence.enter_stage(1, T0 + 2_000)
    assert evidence.observe(pane(2, cell(5), cell(5))).baseline_alive_at is None
    assert evidence.observe(pane(3, cell(5), cell(0, emitters=(1,)))).baseline_alive_at == T0 + 4_000
    assert evidence.observe(pane(4, cell(5), None)).baseline_alive_at == T0 + 4_000


@pytest.mark.parametrize(("proof", "kind"), [({}, VerdictKind.INCONCLUSIVE), ({"proof": False}, VerdictKind.PASS)])
def test_a_stage_may_do_without_a_proof(proof: dict[str, bool], kind: VerdictKind) -> None:
    """By its own key: the next stage needs one."""
    thin = {"name": "thin", "weight": "50%", "bake": "10s", **proof}
    known = policy(
        {"e": {"sli": "error_rate", "ratio": 1.25}},
        stages=[thin, {"name": "most", "weight": "90%", "bake": "10s"}],
        min_requests=5,
    )
    evidence = RolloutEvidence(known, T0)
    evidence.confirm_stage(T0)
    for second in range(10):
        found = evidence.observe(pane(second, cell(2), cell(2)))
    assert found.verdicts[0].kind is kind, found.verdicts[0].reason
    evidence.enter_stage(1, T0 + 10_000)
    evidence.confirm_stage(T0 + 10_000)
    for second in range(10, 20):
        found = evidence.observe(pane(second, cell(2), cell(2)))
    assert found.verdicts[0].kind is VerdictKind.INCONCLUSIVE
