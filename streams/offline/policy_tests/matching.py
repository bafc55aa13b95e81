"""Reading the decisions found as those expected, and where that ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from gates.decisions import Decision
from gates.documents.quantities import format_duration
from streams.offline.policy_tests.document import Expectation
from streams.offline.policy_tests.fields import GAP
from streams.offline.policy_tests.words import decision_in_words, expectation_in_words, verdict_of


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison, in words: what was expected beside what was found; empty where there is nothing."""

    expected: str
    found: str
    fits: bool


def misfit(expected: Expectation, found: Decision, since_ms: int) -> str:
    """In what a decision is not the one expected, in words; empty if it is. `since_ms`: from when `within` counts."""
    took = found.event_time - since_ms
    if expected.action != found.action:
        return f"it is no {expected.action}"
    if expected.stage is not None and expected.stage != found.stage:
        return f"it stands at stage {found.stage}, not {expected.stage}"
    if expected.within_ms is not None and took > expected.within_ms:
        return f"it took {format_duration(took)}, more than {format_duration(expected.within_ms)}"
    if took < 0:
        return f"it came {format_duration(-took)} too early"
    if expected.reason is not None and expected.reason.pattern.search(found.reason) is None:
        return f"its reason does not hold {expected.reason}"
    if expected.check is not None and (said := verdict_of(found, expected.check.name)) != expected.check.outcome:
        return f"check {expected.check.name} says {said}, not {expected.check.outcome.value}"
    return ""


@dataclass(slots=True)
class Matcher:
    """Finds a way to read the decisions as those expected; where there is none, the way that goes furthest.

    A way has for each expectation, gaps left out, the index of the decision that fits it. What can follow hangs only
    on the last decision taken, so what failed once from there need not be tried again.
    """

    written: Sequence[Expectation]
    found: Sequence[Decision]
    start_ms: int
    way: list[int] = field(default_factory=list)
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
        """Whether all decisions are accounted for; `way` has how, or how far it went."""
        return self._go([])

    def _go(self, way: list[int]) -> bool:
        index, last = len(way), way[-1] if way else -1
        done = index == len(self._wanted) and (index in self._after_gap or last + 1 == len(self.found))
        if done or index > len(self.way):
            self.way = way
        if index == len(self._wanted):
            return done
        if (index, last) in self._failed:
            return False
        for candidate in self._candidates(index, last):
            if not self._misfit(index, candidate, last) and self._go([*way, candidate]):
                return True
        self._failed.add((index, last))
        return False

    def _candidates(self, index: int, last: int) -> range:
        """Where the next one expected may stand: right after the last one or, after a gap, anywhere later."""
        end = len(self.found) if index in self._after_gap else last + 2
        return range(last + 1, min(end, len(self.found)))

    def _misfit(self, index: int, candidate: int, last: int) -> str:
        wanted = self._wanted[index]
        before = self.start_ms if last < 0 else self.found[last].event_time
        since = before if wanted.since_ms is None else self.start_ms + wanted.since_ms
        return misfit(wanted, self.found[candidate], since)

    def fault(self) -> str:
        """Where and why the furthest way ends."""
        index, last = len(self.way), self.way[-1] if self.way else -1
        following = self.found[last + 1 :]
        if index == len(self._wanted):
            return f"nothing more was expected, but found {self._told(following[0])}"
        wanted = expectation_in_words(self._wanted[index])
        candidates = self._candidates(index, last)
        alike = [number for number in candidates if self.found[number].action == self._wanted[index].action]
        nearest = alike[0] if alike else candidates[0] if candidates and index not in self._after_gap else None
        if nearest is None:
            rest = f"none came after {self._told(self.found[last])}" if last >= 0 else "none came"
            return f"expected {wanted}, but {rest}"
        why = f"; {self._misfit(index, nearest, last)}" if alike else ""
        return f"expected {wanted}, but found {self._told(self.found[nearest])}{why}"

    def _told(self, decision: Decision) -> str:
        return f"{decision_in_words(decision, self.start_ms)} ({decision.reason})"

    def rows(self) -> list[Row]:
        """Expected beside found: as far as they fit, in their order; what is left, as it stands."""
        rows: list[Row] = []
        done = 0
        for index, place in enumerate(self.way):
            rows += (Row(GAP, self._words(number), True) for number in range(done, place))
            rows.append(Row(expectation_in_words(self._wanted[index]), self._words(place), True))
            done = place + 1
        rest = [self._expected(index) for index in range(len(self.way), len(self._wanted))]
        fits = not rest and len(self._wanted) in self._after_gap
        left = [self._words(number) for number in range(done, len(self.found))]
        filler = GAP if fits else ""
        return rows + [Row(one or filler, other or "", fits) for one, other in zip_longest(rest, left)]

    def _expected(self, index: int) -> str:
        gap = f"{GAP} " if index in self._after_gap else ""
        return gap + expectation_in_words(self._wanted[index])

    def _words(self, number: int) -> str:
        return decision_in_words(self.found[number], self.start_ms)
