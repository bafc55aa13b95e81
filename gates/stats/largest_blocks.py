"""Which blocks of time made the evidence: what the whole e-value was multiplied by, and on which counts.

An e-value in blocks is a mean over effects and over starting times, so a block has no factor of its own. What it has is
the growth of the whole: the e-value after it, divided by that before it. These do multiply to the e-value. It changes
at two places only: where a block ends, by its bad events, and within a block by the successes that the candidate lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, log
from typing import Any, NamedTuple

from gates.stats.mixture import finite_exp
from gates.stats.pane_counts import PaneCounts

LISTED = 10
"""How many are kept: a person reads no more, and a snapshot must stay small."""

BAD_EVENTS, LOST_SUCCESSES = "bad events", "lost successes"
"""By what a block changes the e-value."""

Span = tuple[int, int]
"""Start and end of a stretch of time, in milliseconds since the epoch."""

_NO_COUNTS = PaneCounts(0.0, 0.0, 0, 0)  # fractions from the beginning: a snapshot must read the same numbers


class Growth(NamedTuple):
    """What the e-value was multiplied by, from `start` to `end`; `counts` are those of the block."""

    factor: float
    start: int
    end: int
    by: str
    counts: PaneCounts


@dataclass(frozen=True, slots=True)
class Agreement:
    """The part of the candidate that shows least, where it limits the e-value.

    The part reaches `reached` by itself and needs `needed`; without it the e-value were `whole`.
    """

    part: str
    reached: float
    needed: float
    whole: float


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What made an e-value: the `largest` growths, and what all else multiplied it by.

    `whole` is the e-value of the whole candidate, which they multiply to; `agreement` is what limits it further.
    `number` is how many blocks had bad events, with the open one.
    """

    largest: tuple[Growth, ...]
    others: float
    number: int
    whole: float
    agreement: Agreement | None = None


class LargestBlocks:
    """The largest growths of one e-value since its beginning, where it was 1.

    >>> largest = LargestBlocks()
    >>> largest.add_counts(PaneCounts(5, 9, 50, 950), (0, 3000))
    >>> largest.close(1.0, 4.0)
    >>> report = largest.report(4.0)
    >>> [growth.factor for growth in report.largest], report.others, report.number
    ([4.0], 1.0, 1)
    """

    def __init__(self) -> None:
        self._largest: list[Growth] = []
        self._number = 0
        self._e_value = 1.0  # as the open block opened
        self._span: Span | None = None
        self._counts = _NO_COUNTS

    def add_counts(self, counts: PaneCounts, span: Span) -> None:
        """Add counts of this time to the open block."""
        start, end = span
        self._span = (start, end) if self._span is None else (min(start, self._span[0]), max(end, self._span[1]))
        self._counts = self._counts.plus(counts)

    @property
    def _has_bad(self) -> bool:
        return self._counts.candidate_bad + self._counts.baseline_bad > 0

    def close(self, before: float, after: float) -> None:
        """End the open block, which changes the e-value from `before` to `after`."""
        growths = [*self._open(before), *self._growth(before, after, BAD_EVENTS)]
        if growths:
            self._largest = _first(self._largest + growths)
        self._number += self._has_bad
        self._e_value, self._span, self._counts = after, None, _NO_COUNTS

    def _open(self, e_value: float) -> list[Growth]:
        """How the e-value has grown since the open block opened: by lost successes, as its bad events are not in it."""
        return self._growth(self._e_value, e_value, LOST_SUCCESSES)

    def _growth(self, before: float, after: float, by: str) -> list[Growth]:
        if self._span is None or not after > before > 0.0:
            return []
        return [Growth(min(after / before, finite_exp(1e9)), *self._span, by, self._counts)]

    def report(self, e_value: float, agreement: Agreement | None = None) -> BlockReport:
        """What made `e_value`, that of the last pane."""
        largest = _first(self._largest + self._open(e_value))
        others = finite_exp(log(e_value) - fsum(log(growth.factor) for growth in largest)) if e_value > 0.0 else 0.0
        return BlockReport(tuple(largest), others, self._number + self._has_bad, e_value, agreement)

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        largest = [[*growth[:-1], list(growth.counts)] for growth in self._largest]
        return [largest, self._number, self._e_value, self._span, list(self._counts)]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        largest, self._number, self._e_value, span, counts = state
        self._largest = [
            Growth(factor, start, end, by, PaneCounts(*known)) for factor, start, end, by, known in largest
        ]
        self._span = None if span is None else (span[0], span[1])
        self._counts = PaneCounts(*counts)


def _first(growths: list[Growth]) -> list[Growth]:
    """The largest, the earlier of equal ones first."""
    return sorted(growths, key=lambda growth: -growth.factor)[:LISTED]
