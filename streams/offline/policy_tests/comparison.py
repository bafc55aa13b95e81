"""Whether the decisions found are those that a test expects, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gates.decisions import Decision
from streams.offline.policy_tests.document import PolicyTest
from streams.offline.policy_tests.matching import Matcher, Row
from streams.offline.policy_tests.words import decision_in_words, since_start


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it side by side, and why it does not fit: sentences, none if it does."""

    rows: tuple[Row, ...]
    faults: tuple[str, ...]


def compare(test: PolicyTest, found: Sequence[Decision], start_ms: int) -> Comparison:
    """Hold what was decided against what the test expects; `start_ms` is the rollout's start in event time."""
    rows: tuple[Row, ...] = ()
    faults: list[str] = []
    if test.expect is not None:
        matcher = Matcher(test.expect, found, start_ms)
        if not matcher.fits():
            faults.append(matcher.fault())
        rows = tuple(matcher.rows())
    else:
        rows = tuple(Row("", decision_in_words(each, start_ms), each.action not in test.never) for each in found)
    faults += (
        f"{each.action} must never be, and came {since_start(each.event_time, start_ms)}: {each.reason}"
        for each in found
        if each.action in test.never
    )
    return Comparison(rows, tuple(faults))
