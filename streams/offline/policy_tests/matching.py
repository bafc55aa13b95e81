"""Matching the decisions found with those expected, and where the match ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from gates.decisions import Decision
from gates.documents.quantities import format_duration
from streams.offline.policy_tests.document import Expectation
from streams.offline.policy_tests.fields import GAP
from streams.offline.policy_tests.summaries import decision_summary, expectation_summary


@dataclass(frozen=True, slots=True)
class ExpectationPair:
    """What was expected and what was found, as texts; empty if there is nothing on a side."""

    expected: str
    found: str
    fits: bool


def misfit(expected: Expectation, found: Decision, since_ms: int) -> str:
    """How a decision differs from the expected one; empty if it does not. `within` counts from `since_ms` on."""
    took = found.event_time - since_ms
    if expected.action != found.action:
        return f"it is not {expected.action}"
    if expected.stage is not None and expected.stage != found.stage:
        return f"it is at stage {found.stage}, not {expected.stage}"
    if expected.within_ms is not None and took > expected.within_ms:
        return f"it took {format_duration(took)}, more than {format_duration(expected.within_ms)}"
    if took < 0:
        return f"it was {format_duration(-took)} too early"
    if expected.reason is not None and expected.reason.pattern.search(found.reason) is None:
        return f"its reason does not contain {expected.reason}"
    if expected.check is not None and (verdict := _verdict(found, expected.check.name)) != expected.check.outcome:
        return f"check {expected.check.name} is {verdict}, not {expected.check.outcome.value}"
    return ""


def _verdict(decision: Decision, check: str) -> str:
    """The verdict of a check in a decision; `absent` if it had none yet."""
    return next((each.kind.value for each in decision.checks if each.name == check), "absent")


@dataclass(slots=True)
class Matcher:
    """Finds a match of the decisions with the expectations or, if there is none, the longest partial match.

    A match has for each expectation, gaps left out, the index of its decision. What can follow depends only on the
    number of expectations matched and on the last decision used, so a pair that failed once is not tried again: without
    that memory several gaps would take exponential time.
    """

    written: Sequence[Expectation]
    found: Sequence[Decision]
    start_ms: int
    match: list[int] = field(default_factory=list)
    _wanted: list[Expectation] = field(default_factory=list)
    _after_gap: set[int] = field(default_factory=set)
    _failed: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for each in self.written:
            if each.action == GAP:
                self._after_gap.add(len(self._wanted))
            else:
                self._wanted.append(each)

    def fits(self) -> bool:
        """Whether every decision is accounted for; `match` has the match, or the longest partial one."""
        return self._extend([])

    def _extend(self, match: list[int]) -> bool:
        index, last = len(match), match[-1] if match else -1
        done = index == len(self._wanted) and (index in self._after_gap or last + 1 == len(self.found))
        if done or index > len(self.match):
            self.match = match
        if index == len(self._wanted):
            return done
        if (index, last) in self._failed:
            return False
        for candidate in self._candidates(index, last):
            if not self._misfit(index, candidate, last) and self._extend([*match, candidate]):
                return True
        self._failed.add((index, last))
        return False

    def _candidates(self, index: int, last: int) -> range:
        """Where the next expected decision may be: right after the last one or, after a gap, anywhere later."""
        end = len(self.found) if index in self._after_gap else last + 2
        return range(last + 1, min(end, len(self.found)))

    def _misfit(self, index: int, candidate: int, last: int) -> str:
        wanted = self._wanted[index]
        before = self.start_ms if last < 0 else self.found[last].event_time
        since = before if wanted.since_ms is None else self.start_ms + wanted.since_ms
        return misfit(wanted, self.found[candidate], since)

    def fault(self) -> str:
        """Where and why the longest partial match ends."""
        index, last = len(self.match), self.match[-1] if self.match else -1
        following = self.found[last + 1 :]
        if index == len(self._wanted):
            return f"no further decision was expected, but found {self._with_reason(following[0])}"
        wanted = expectation_summary(self._wanted[index])
        candidates = self._candidates(index, last)
        same_action = [number for number in candidates if self.found[number].action == self._wanted[index].action]
        nearest = same_action[0] if same_action else None
        if nearest is None and candidates and index not in self._after_gap:
            nearest = candidates[0]
        if nearest is None:
            rest = f"none followed {self._with_reason(self.found[last])}" if last >= 0 else "there was none"
            return f"expected {wanted}, but {rest}"
        why = f"; {self._misfit(index, nearest, last)}" if same_action else ""
        return f"expected {wanted}, but found {self._with_reason(self.found[nearest])}{why}"

    def _with_reason(self, decision: Decision) -> str:
        return f"{decision_summary(decision, self.start_ms)} ({decision.reason})"

    def pairs(self) -> list[ExpectationPair]:
        """Expected beside found: the matched part pair by pair, then what is left of both."""
        pairs: list[ExpectationPair] = []
        done = 0
        for index, place in enumerate(self.match):
            pairs += (ExpectationPair(GAP, self._summary(number), True) for number in range(done, place))
            pairs.append(ExpectationPair(expectation_summary(self._wanted[index]), self._summary(place), True))
            done = place + 1
        rest = [self._expected(index) for index in range(len(self.match), len(self._wanted))]
        fits = not rest and len(self._wanted) in self._after_gap
        left = [self._summary(number) for number in range(done, len(self.found))]
        filler = GAP if fits else ""
        return pairs + [ExpectationPair(one or filler, other or "", fits) for one, other in zip_longest(rest, left)]

    def _expected(self, index: int) -> str:
        gap = f"{GAP} " if index in self._after_gap else ""
        return gap + expectation_summary(self._wanted[index])

    def _summary(self, number: int) -> str:
        return decision_summary(self.found[number], self.start_ms)
