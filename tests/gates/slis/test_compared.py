"""The order of the questions of a check that may compare: limit, comparison, missing data, too few events, PASS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gates.evidence_view import CohortView, EvidenceView, PaneUse
from gates.panes import Cell
from gates.policy.checks import checks_for
from gates.rules import CURRENT, FIRST, RULES
from gates.slis.compared import Compared
from gates.verdicts import NO_INTERVALS, Verdict, VerdictKind
from gates.windows import CohortWindow
from tests.gates.comparison.test_parts import halved
from tests.gates.pane_builders import BASELINE, CANDIDATE, T0, cell, pane, policy

BOTH: dict[str, Any] = {"sli": "error_rate", "ratio": 1.25, "limit": "20%", "window": "5s"}
LIMITED: dict[str, Any] = {"sli": "error_rate", "limit": "20%", "window": "5s"}
GOOD, BAD = cell(200, 2), cell(200, 100)


def check_of(fields: dict[str, Any]) -> Compared:
    """The check with this definition."""
    known = policy({"it": fields}, stages=[{"name": "half", "weight": "50%", "bake": "10s"}])
    check = checks_for(known, {"real": CohortWindow(60_000)}, RULES[CURRENT])["it"]
    assert isinstance(check, Compared)
    return check


def cohort(name: str, total: Cell) -> CohortView:
    """A cohort whose requests are all in the last pane."""
    window = CohortWindow(5_000)
    window.push(T0, T0 + 1_000, total)
    return CohortView(name, window, window, window, total, total.requests)


def verdict(fields: dict[str, Any], candidate: Cell, baseline: Cell, panes: int = 0, **changes: Any) -> Verdict:
    """The verdict after this number of equal panes of evidence."""
    check = check_of(fields)
    for second in range(panes):
        check.observe(pane(second, candidate, baseline), PaneUse())
    view = EvidenceView(
        cohort(CANDIDATE, candidate),
        cohort(BASELINE, baseline),
        weight=0.5,
        compared=True,
        broken=False,
        min_requests=20,
        stage_start=T0,
    )
    return check.verdict(replace(view, **changes))


@pytest.mark.parametrize("missing", [{"broken": True}, {"min_requests": 10_000}, {"rejected": frozenset({"it"})}])
def test_a_broken_limit_comes_before_all_else(missing: dict[str, Any]) -> None:
    """An outage or too few requests must not hide it, and its reason is simpler than that of a comparison."""
    found = verdict(BOTH, BAD, GOOD, **missing)
    assert (found.kind, found.absolute) == (VerdictKind.FAIL, True)
    assert "above the limit of 20%" in found.reason
    assert found.window == (T0 - 4_000, T0 + 1_000)


@pytest.mark.parametrize("missing", [{}, {"broken": True}, {"min_requests": 10_000}])
def test_a_rejected_null_comes_before_missing_data(missing: dict[str, Any]) -> None:
    """It rests on the whole stage, whose evidence an outage does not change."""
    found = verdict(BOTH, cell(200, 20), GOOD, 20, rejected=frozenset({"it"}), **missing)
    assert (found.kind, found.absolute, found.rejected) == (VerdictKind.FAIL, False, True)
    assert ", rolls back at 100" in found.reason
    assert found.window[0] == T0


@pytest.mark.parametrize(("panes", "words"), [(1, " over 1 block, "), (20, " over 20 blocks, ")])
def test_a_rejection_counts_its_blocks(panes: int, words: str) -> None:
    """With half of the traffic a block is a pane; the open one counts too."""
    assert words in verdict(BOTH, cell(200, 20), GOOD, panes, rejected=frozenset({"it"})).reason


def test_where_errors_are_independent_no_block_is_counted() -> None:
    """The policy's word: each error is a witness of its own."""
    known = policy({"it": BOTH}, confidence={"dispersion": 1})
    check = checks_for(known, {"real": CohortWindow(60_000)}, RULES[CURRENT])["it"]
    check.observe(pane(0, BAD, GOOD), PaneUse())
    assert check.blocks is None
    view = EvidenceView(cohort(CANDIDATE, GOOD), cohort(BASELINE, GOOD), 0.5, True, False, 20, T0, frozenset({"it"}))
    assert " block" not in check.verdict(view).reason


def one_half_fails(second_half: int) -> Cell:
    """Errors of one half of the users only, or also of the other."""
    return halved({"5xx": 20, "2xx": 80}, {"5xx": second_half, "2xx": 100 - second_half})


def test_a_part_that_prevents_the_rollback_is_in_the_reason() -> None:
    """One client fails: the whole would be rolled back, and the other half of the users is well."""
    fields = BOTH | {"limit": "90%"}
    found = verdict(fields, one_half_fails(0), GOOD, 60)
    assert found.kind is VerdictKind.INCONCLUSIVE
    assert "; not rolled back, because one half of the users (2 of 2) reaches " in found.reason
    assert found.reason.endswith(" of the 3 it needs")
    assert "not rolled back" not in verdict(fields, one_half_fails(0), GOOD, 2).reason
    assert "not rolled back" not in verdict(fields, one_half_fails(20), GOOD, 60).reason


def test_a_comparison_may_be_rejected_with_others_only() -> None:
    """Its own e-value is below the threshold, and the reason shows why it rolls back all the same."""
    found = verdict(BOTH, GOOD, GOOD, 1, rejected=frozenset({"it"}))
    assert found.reason.endswith("rolls back together with the other checks")


def test_only_a_comparison_can_be_rejected() -> None:
    """Anything else is a bug in the joint test."""
    with pytest.raises(TypeError, match="only a comparison"):
        verdict(LIMITED, GOOD, GOOD, rejected=frozenset({"it"}))


@pytest.mark.parametrize(
    ("fields", "candidate", "panes", "changes", "kind", "words"),
    [
        (LIMITED, GOOD, 0, {"broken": True}, VerdictKind.ERROR, "no source reports telemetry"),
        (LIMITED, cell(0), 0, {}, VerdictKind.NO_DATA, "canary has no requests in the window"),
        (LIMITED, GOOD, 0, {"min_requests": 201}, VerdictKind.INCONCLUSIVE, "needs 201"),
        (LIMITED, cell(40, 10), 0, {}, VerdictKind.INCONCLUSIVE, "too few events to fail (min_events)"),
        (LIMITED, GOOD, 0, {}, VerdictKind.PASS, "within the limit of 20%"),
        (BOTH, GOOD, 1, {}, VerdictKind.INCONCLUSIVE, "needs 20"),
        (BOTH, cell(200, 12), 40, {}, VerdictKind.INCONCLUSIVE, "for a worse candidate, rolls back at 100"),
        (BOTH, cell(200, 0), 40, {}, VerdictKind.PASS, "needs 20"),
    ],
)
def test_what_keeps_it_from_passing(
    fields: dict[str, Any], candidate: Cell, panes: int, changes: dict[str, Any], kind: VerdictKind, words: str
) -> None:
    """Missing data, then a limit with too few events, then evidence against it, then too little evidence for it."""
    found = verdict(fields, candidate, cell(200, 4), panes, **changes)
    assert (found.kind, words in found.reason) == (kind, True), found.reason


@pytest.mark.parametrize(
    ("fields", "panes", "end"),
    [
        ({}, 40, "needs 20, shown to be below 1.25 x stable's rate + 0.5 points"),
        ({"margin": "2%", "ratio": 1}, 40, "needs 20, shown to be below stable's rate + 2 points"),
        ({}, 1, "needs 20, not yet shown to be below 1.25 x stable's rate + 0.5 points"),
    ],
)
def test_what_is_shown_or_not_yet_is_in_the_reason(fields: dict[str, Any], panes: int, end: str) -> None:
    """With the ratio, the baseline's name, and the margin in points."""
    found = verdict(BOTH | fields, cell(200, 1), cell(200, 4), panes)
    assert found.reason.endswith(end), found.reason


@pytest.mark.parametrize(
    ("candidate", "panes", "kind", "words"),
    [
        (cell(40, 0), 1, VerdictKind.PASS, ", not shown to be good (proof: false)"),
        (cell(200, 0), 40, VerdictKind.PASS, "needs 20, shown to be below 1.25 x stable's rate + 0.5 points"),
        (cell(200, 12), 40, VerdictKind.INCONCLUSIVE, "for a worse candidate, rolls back at 100"),
        (cell(200, 6), 1, VerdictKind.INCONCLUSIVE, "(proof: false), but the newest requests are nearer to the bound"),
    ],
)
def test_without_a_proof_nothing_may_speak_against_the_candidate(
    candidate: Cell, panes: int, kind: VerdictKind, words: str
) -> None:
    """Neither the evidence for a worse one, nor the newest requests; where there is a proof, it is shown."""
    found = verdict(BOTH, candidate, cell(200, 4), panes, proof=False)
    assert (found.kind, words in found.reason) == (kind, True), found.reason


def test_a_storm_is_named_where_it_holds_back_the_evidence() -> None:
    """Before it is measured the prior holds; then, how long the baseline's errors come together for."""
    found = verdict(BOTH, cell(200, 0), cell(200, 4), 8)
    assert (
        ", because it is not yet measured whether stable's errors come together and evidence counts 12 times less"
    ) in found.reason, found.reason
    check = check_of(BOTH | {"limit": "90%"})
    for second in range(300):
        storm = second // 10 % 2
        check.observe(pane(second, cell(200, 32 * storm), cell(200, 40 * storm)), PaneUse())
    view = EvidenceView(
        cohort(CANDIDATE, cell(200, 0)),
        cohort(BASELINE, GOOD),
        weight=0.5,
        compared=True,
        broken=False,
        min_requests=20,
        stage_start=T0,
    )
    stormy = check.verdict(view)
    assert stormy.phi > 50.0
    assert ", because stable's errors come together for about " in stormy.reason, stormy.reason
    assert stormy.reason.endswith("times less")
    too_few = verdict(BOTH, cell(200, 4), cell(200, 4), 1)
    assert "because" not in too_few.reason


def test_requests_without_any_of_the_other_cohort_are_counted() -> None:
    """They wait for a minute; then they are compared with nothing, and a stage starts from none."""
    check = check_of(BOTH)
    for second in range(130):
        check.observe(pane(second, cell(0), cell(3)), PaneUse())
    view = EvidenceView(
        cohort(CANDIDATE, cell(30)),
        cohort(BASELINE, cell(30)),
        weight=0.5,
        compared=True,
        broken=False,
        min_requests=20,
        stage_start=T0,
    )
    words = " requests found none of the other cohort within 60s to be compared with"
    assert f"; 360{words}" in check.verdict(view).reason, check.verdict(view).reason
    check.enter_stage()
    assert words not in check.verdict(view).reason


def test_of_a_mean_no_bound_of_its_rate_is_shown() -> None:
    """Points of a ceiling mean nothing to a reader."""
    fields = {"sli": "metric", "metric": "m", "ratio": 1.25, "ceiling": 10}
    usual = cell(200, metrics={"m": [1.0] * 200})
    assert verdict(fields, usual, usual, 5).reason.endswith("needs 20")


def test_a_baseline_beyond_the_limit_is_in_the_reason() -> None:
    """Where both break it, the figures of both are there; without a baseline nothing is shared."""
    found = verdict(BOTH, BAD, BAD)
    assert found.baseline_beyond
    assert "; stable 50%" in found.reason
    assert not verdict(BOTH, BAD, BAD, compared=False).baseline_beyond


def test_a_limit_alone_has_no_evidence() -> None:
    """Nothing to observe, to reset, to display or to keep in a snapshot."""
    check = check_of(LIMITED)
    check.observe(pane(0, BAD, GOOD), PaneUse())
    check.enter_stage()
    check.evidence = {}
    assert (check.worse, check.evidence, check.blocks, check.intervals({})) == (None, {}, None, NO_INTERVALS)


def test_a_stage_resets_the_evidence_for_an_advance_only() -> None:
    """The evidence for a rollback accumulates over the whole rollout."""
    check = check_of(BOTH)
    for second in range(10):
        check.observe(pane(second, cell(200, 6), GOOD), PaneUse())
    before, worse = check.evidence, check.worse
    check.enter_stage()
    assert check.worse == worse
    assert check.evidence["good"] != before["good"]
    again = check_of(BOTH)
    again.evidence = before
    assert again.evidence == before


@pytest.mark.parametrize(("rules", "shared"), [(CURRENT, True), (FIRST, False)])
def test_a_small_baseline_shares_a_breach_on_a_few_bad_events(rules: int, shared: bool) -> None:
    """A quarter of both fails: an outage is shared though the baseline's part has fewer errors than `min_events`."""
    limited = {"sli": "error_rate", "limit": "8%", "window": "5s"}
    found = verdict(limited, cell(160, 40), cell(40, 10), rules=RULES[rules])
    assert (found.kind, found.baseline_beyond) == (VerdictKind.FAIL, shared)
