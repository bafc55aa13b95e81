"""Matching decisions with expectations: gaps, the nearest misfit, and time that does not explode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gates.decisions import Action, Decision
from streams.offline.policy_tests.document import Expectation
from streams.offline.policy_tests.matching import Matcher, misfit
from tools.topics_page import examples

BEGIN = 1_767_225_600_000


def decisions(*texts: str) -> list[Decision]:
    """Return decisions: `10 hold` is a hold ten seconds after the start."""
    model = next(each for each in examples.outcomes() if isinstance(each, Decision))
    words = [each.split() for each in texts]
    return [
        replace(model, event_time=BEGIN + int(at) * 1_000, action=Action(action), stage="half", reason="why")
        for at, action in words
    ]


def expected(*keys: Any) -> list[Expectation]:
    """Return expectations, of which a text is short for an action."""
    return [Expectation.model_validate({"action": key} if isinstance(key, str) else key) for key in keys]


def test_a_match_has_the_index_of_each_decision() -> None:
    """Gaps have none; of several readings one that fits is found."""
    matcher = Matcher(
        expected("...", "hold", "...", "rollback"), decisions("0 start", "1 hold", "2 hold", "3 rollback"), 0
    )
    assert matcher.fits()
    assert matcher.match == [1, 3]


def test_the_longest_partial_match_is_kept() -> None:
    """With where and why it ends."""
    matcher = Matcher(expected("start", "hold", "promote"), decisions("0 start", "1 hold", "2 rollback"), BEGIN)
    assert not matcher.fits()
    assert matcher.match == [0, 1]
    assert matcher.fault() == "expected promote, but found +2s rollback at half (why)"
    assert [(pair.expected, pair.fits) for pair in matcher.pairs()] == [
        ("start", True),
        ("hold", True),
        ("promote", False),
    ]


def test_the_fault_is_of_the_decision_with_the_right_action() -> None:
    """After a gap the nearest one with the same action explains most."""
    late = {"action": "rollback", "within": "1s"}
    matcher = Matcher(expected("start", "...", late), decisions("0 start", "1 hold", "5 rollback"), BEGIN)
    assert not matcher.fits()
    assert matcher.fault().endswith("found +5s rollback at half (why); it took 5s, more than 1s")


def test_many_gaps_take_little_time() -> None:
    """Without the memory of failed pairs this would take hours."""
    written = expected(*["...", "hold"] * 12, "promote")
    matcher = Matcher(written, decisions(*(f"{at} hold" for at in range(60))), BEGIN)
    assert not matcher.fits()
    assert len(matcher.match) == 12


def test_a_misfit_names_the_first_difference() -> None:
    """None is the empty text."""
    (hold,) = decisions("5 hold")
    (right, other, stage) = expected("hold", "advance", {"action": "hold", "stage": "full"})
    assert misfit(right, hold, BEGIN) == ""
    assert misfit(other, hold, BEGIN) == "it is not advance"
    assert misfit(stage, hold, BEGIN) == "it is at stage half, not full"
    assert misfit(right, hold, BEGIN + 9_000) == "it was 4s too early"
