"""Whether decisions are those that a test expects and, if not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gates.decisions import Decision
from streams.offline.policy_tests.document import PolicyTest
from streams.offline.policy_tests.matching import ExpectationPair, Matcher
from streams.offline.policy_tests.summaries import decision_summary, since_start


@dataclass(frozen=True, slots=True)
class ExpectationComparison:
    """Expected and found side by side, and why they differ: sentences, none if they do not."""

    pairs: tuple[ExpectationPair, ...]
    faults: tuple[str, ...]


def compare(test: PolicyTest, found: Sequence[Decision], start_ms: int) -> ExpectationComparison:
    """Compare decisions with the expectations of a test; `start_ms` is the rollout's start in event time."""
    pairs: tuple[ExpectationPair, ...] = ()
    faults: list[str] = []
    if test.expect is not None:
        matcher = Matcher(test.expect, found, start_ms)
        if not matcher.fits():
            faults.append(matcher.fault())
        pairs = tuple(matcher.pairs())
    else:
        pairs = tuple(
            ExpectationPair("", decision_summary(each, start_ms), each.action not in test.never) for each in found
        )
    faults += (
        f"{each.action} must never happen, but it did at {since_start(each.event_time, start_ms)}: {each.reason}"
        for each in found
        if each.action in test.never
    )
    return ExpectationComparison(pairs, tuple(faults))
