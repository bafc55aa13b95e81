"""When decisions are those expected, and the reason when they are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gates.decisions import Action, Decision
from gates.verdicts import Measurement, Verdict, VerdictKind
from streams.offline.policy_tests.comparison import compare
from streams.offline.policy_tests.document import PolicyTest
from tools.topics_page import examples

BEGIN = 1_767_225_600_000
EXAMPLES = Path(__file__).parents[4] / "examples" / "policy-tests"


def parsed(**keys: Any) -> PolicyTest:
    """Return the test of this content."""
    return PolicyTest.parse(keys)


def decided(*texts: str) -> list[Decision]:
    """Return decisions as `10 hold` has them: seconds since the start, and the action."""
    model = next(each for each in examples.outcomes() if isinstance(each, Decision))
    nothing = Measurement(0, None)
    fail = Verdict("errors", VerdictKind.FAIL, "", (BEGIN, BEGIN + 1_000), nothing, nothing)
    model = replace(model, stage="half", reason="over the limit", checks=(fail,))
    words = [each.split() for each in texts]
    return [replace(model, event_time=BEGIN + int(at) * 1_000, action=Action(action)) for at, action in words]


def why(expect: Sequence[Any], *texts: str, **keys: Any) -> tuple[str, ...]:
    """Return why these decisions are not those; nothing where they are."""
    return compare(parsed(expect=list(expect), **keys), decided(*texts), BEGIN).faults


def test_decisions_are_compared_in_order_and_to_the_last() -> None:
    """The list is all there is, but for what a gap stands for."""
    decisions = ("0 start", "5 hold", "8 resume", "20 advance", "30 rollback")
    assert not why(["start", "hold", "resume", "advance", "rollback"], *decisions)
    assert not why(["start", "...", "rollback"], *decisions)
    assert not why(["...", "hold", "...", "advance", "..."], *decisions)
    assert not why(["..."], *decisions, never=["promote"])
    assert not why(["start", "...", "start"], "0 start", "1 start", "2 start")
    assert why(["start", "hold"], *decisions) == (
        "no further decision was expected, but found +8s resume at half (over the limit)",
    )
    assert why(["start", "advance"], *decisions) == ("expected advance, but found +5s hold at half (over the limit)",)
    assert why(["start", "...", "promote"], *decisions) == (
        "expected promote, but none followed +0s start at half (over the limit)",
    )
    assert why(["start"]) == ("expected start, but there was none",)


def test_only_what_is_given_is_compared() -> None:
    """Stage, reason and checks, each in its own words."""
    full = {"action": "hold", "stage": "half", "reason": "the limit", "check": "errors fails"}
    assert not why([full], "5 hold")
    assert not why([{"action": "hold", "reason": "/^over .* limit$/"}], "5 hold")
    for key, value, words in (
        ("stage", "full", "it is at stage half, not full"),
        ("reason", "under", "its reason does not contain under"),
        ("check", "errors passes", "check errors is FAIL, not PASS"),
        ("check", "p95 fails", "check p95 is absent, not FAIL"),
    ):
        (fault,) = why([full | {key: value}], "5 hold")
        assert fault.endswith(words)


def test_within_counts_from_the_expected_decision_before_or_from_a_moment() -> None:
    """Of several ways to read the decisions one that fits is found."""
    assert not why(["...", {"action": "rollback", "within": "10s"}], "10 rollback")
    assert why(["start", "...", {"action": "rollback", "within": "10s"}], "0 start", "1 hold", "11 rollback")
    assert not why(["...", "hold", "...", {"action": "rollback", "within": "9s"}], "1 hold", "5 hold", "9 rollback")
    late = {"action": "rollback", "within": "5s", "since": "1m"}
    assert not why([late], "65 rollback")
    assert why([late], "66 rollback")[0].endswith("it took 6s, more than 5s")
    assert why([late], "59 rollback")[0].endswith("it was 1s too early")


def test_what_must_never_be() -> None:
    """It is reported with its time and reason, with or without expectations."""
    words = ("promote must never happen, but it did at +9s: over the limit",)
    assert compare(parsed(never=["promote"]), decided("0 start", "9 promote"), BEGIN).faults == words
    assert why(["start", "..."], "0 start", "9 promote", never=["promote"]) == words


def test_rows_stand_side_by_side() -> None:
    """What fits, what a gap stands for, and from the first misfit on what is left of both."""
    test = parsed(expect=["start", "...", "advance", "promote"])
    pairs = compare(test, decided("0 start", "5 hold", "9 advance", "12 rollback"), BEGIN).pairs
    assert [(pair.expected, pair.found.split(" at ")[0], pair.fits) for pair in pairs] == [
        ("start", "+0s start", True),
        ("...", "+5s hold", True),
        ("advance", "+9s advance", True),
        ("promote", "+12s rollback", False),
    ]
