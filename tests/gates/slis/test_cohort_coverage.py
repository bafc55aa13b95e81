"""Coverage of each cohort by itself: the worse one decides, by numbers of the policy or by what is usual."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.evidence.evaluation import RolloutEvidence
from gates.panes import Cell
from gates.verdicts import Verdict, VerdictKind
from tests.gates.pane_builders import T0, cell, pane, policy
from tests.gates.slis.watched import Watched

Fields = dict[str, Any]
EACH: Fields = {"sli": "coverage", "expected": {"canary": 2, "stable": 4}, "window": "5s"}
AUTO: Fields = {"sli": "coverage", "expected": "auto", "window": "5s"}
STAGES = [{"name": "half", "weight": "50%", "bake": "10s"}, {"name": "all", "weight": "100%", "bake": "10s"}]


NUMBERS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def reporting(canary: int, stable: int) -> tuple[Cell, Cell]:
    """Cells of both cohorts from this many emitters; none has the same in both."""
    return cell(10, emitters=tuple(range(canary))), cell(10, emitters=tuple(range(1_000, 1_000 + stable)))


def after(hand: Watched, seconds: int, canary: int, stable: int) -> Verdict:
    """The verdict after some seconds with these emitters."""
    return [hand.second(*reporting(canary, stable)) for _ in range(seconds)][-1]


def test_emitters_of_the_baseline_do_not_hide_those_of_the_candidate() -> None:
    """Nine reporting emitters of one cohort are no consolation for a silent one of the other."""
    hand = Watched(**EACH)
    assert after(hand, 4, 1, 9).reason == (
        "it: emitters that reported in 5s: canary 1 (expected: 2), stable 9 (expected: 4); the window is not yet full"
    )
    found = after(hand, 1, 1, 9)
    assert (found.kind, found.on_fail, found.candidate.value, found.baseline.value) == (
        VerdictKind.FAIL,
        "hold",
        0.5,
        2.25,
    )
    assert found.reason == (
        "it: emitters that reported in 5s: canary 1 (expected: 2), stable 9 (expected: 4); too few of canary, the "
        "limit is 90%"
    )
    assert after(hand, 1, 2, 9).kind is VerdictKind.PASS
    assert "; too few of canary and stable, the" in after(Watched(**EACH), 6, 1, 3).reason


def test_a_cohort_that_is_not_named_is_not_asked() -> None:
    """One number may be enough to name."""
    hand = Watched(**(EACH | {"expected": {"canary": 2}}))
    found = after(hand, 6, 2, 0)
    assert (found.kind, found.reason, found.baseline.value) == (
        VerdictKind.PASS,
        "it: emitters that reported in 5s: canary 2 (expected: 2)",
        None,
    )


@pytest.mark.parametrize("expected", [EACH["expected"], {"stable": 4}, "auto"])
def test_the_baseline_is_not_asked_at_all_traffic(expected: object) -> None:
    """Its instances may be stopped by then."""
    found = after(Watched("100%", **(EACH | {"expected": expected})), 11, 2, 0)
    assert found.kind is VerdictKind.PASS
    assert "stable" not in found.reason


def test_without_any_telemetry_nothing_is_judged() -> None:
    """An error, as of every other check."""
    assert Watched(**EACH).second(None, None, broken=True).kind is VerdictKind.ERROR


def test_a_candidate_that_has_just_started_has_no_usual_number() -> None:
    """It cannot pass until a whole window lies before the present one; then it passes by its own number."""
    hand = Watched(**AUTO)
    found = after(hand, 9, 2, 4)
    assert (found.kind, found.reason) == (
        VerdictKind.INCONCLUSIVE,
        "it: emitters that reported in 5s: canary 2, stable 4; the usual number of canary and stable is known once a "
        "whole window lies before this one",
    )
    found = after(hand, 2, 2, 4)
    assert (found.kind, found.reason) == (
        VerdictKind.PASS,
        "it: emitters that reported in 5s: canary 2 (usual: 2), stable 4 (usual: 4)",
    )


def test_events_without_emitters_never_pass() -> None:
    """Nothing is usual then, and nothing reported: no data, and not success."""
    hand = Watched(**AUTO)
    found = after(hand, 30, 0, 4)
    assert (found.kind, found.reason) == (
        VerdictKind.NO_DATA,
        "it: emitters that reported in 5s: canary 0, stable 4 (usual: 4); no event of canary has an `emitter`",
    )


def test_an_instance_that_goes_silent_is_missed_while_others_go_on() -> None:
    """For some minutes; then the smaller number is the usual one, as after a scale-down."""
    hand = Watched(**AUTO)
    after(hand, 600, 4, 10)
    assert after(hand, 4, 3, 10).kind is VerdictKind.PASS
    found = after(hand, 1, 3, 10)
    assert (found.kind, found.reason) == (
        VerdictKind.FAIL,
        "it: emitters that reported in 5s: canary 3 (usual: 4), stable 10 (usual: 10); too few of canary, the limit is "
        "90% of the number that was usual in the 10m before",
    )
    assert after(hand, 240, 3, 10).kind is VerdictKind.FAIL
    assert after(hand, 80, 3, 10).kind is VerdictKind.PASS


def test_a_new_stage_forgets_the_number_of_the_baseline_only() -> None:
    """The baseline has less to do from there on, the candidate more."""
    evidence = RolloutEvidence(policy({"it": AUTO}, stages=STAGES), T0)
    second = 0
    for canary, stable, stage, kind in (
        (4, 10, 0, VerdictKind.PASS),
        (4, 2, 0, VerdictKind.FAIL),
        (4, 2, 1, VerdictKind.PASS),
        (1, 2, 1, VerdictKind.FAIL),
    ):
        if stage and not evidence.state().stage.index:
            evidence.enter_stage(stage, T0 + second * 1_000)
        for _ in range(30):
            found = evidence.observe(pane(second, *reporting(canary, stable)))
            second += 1
        assert found.verdicts[0].kind is kind


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8), st.integers(1, 4))
def test_whatever_was_before_a_constant_number_passes_in_the_end(counts: list[tuple[int, int]], last: int) -> None:
    """No endless hold: ten minutes and two windows after the last change there is nothing to miss."""
    hand = Watched(**AUTO)
    for canary, stable in counts:
        after(hand, 20, canary, stable)
    assert after(hand, 611, last, last).kind is VerdictKind.PASS


@settings(max_examples=40, deadline=None)
@given(NUMBERS, st.sampled_from([EACH, AUTO]))
def test_a_restart_at_every_pane_changes_nothing(counts: list[tuple[int, int]], kind: dict[str, object]) -> None:
    """Neither verdicts nor the next snapshot."""
    document = policy({"it": kind}, stages=STAGES)
    known, other = RolloutEvidence(document, T0), RolloutEvidence(document, T0)
    for second, number in enumerate(counts):
        verdicts = [each.observe(pane(second, *reporting(*number))).verdicts for each in (known, other)]
        assert verdicts[0] == verdicts[1]
        restored = RolloutEvidence(document, T0)
        restored.restore(other.state())
        assert json.dumps(restored.state().checks) == json.dumps(known.state().checks)
        other = restored


def test_numbers_of_the_policy_stay_in_the_next_stage() -> None:
    """Only what was measured is measured again."""
    evidence = RolloutEvidence(policy({"it": EACH}, stages=STAGES), T0)
    for second in range(6):
        evidence.observe(pane(second, *reporting(2, 4)))
    evidence.enter_stage(1, T0 + 6_000)
    assert evidence.observe(pane(6, *reporting(2, 0))).verdicts[0].kind is VerdictKind.PASS
