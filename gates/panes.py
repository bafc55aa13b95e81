"""What one cohort did in one pane of event time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import add

from gates.stats.histogram import EMPTY, Histogram

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "ok", "error")
"""The outcomes counted apart: HTTP status classes, and the plain outcome of work that is not HTTP."""

NO_COUNTS = (0,) * len(CLASSES)


@dataclass(frozen=True, slots=True)
class Cell:
    """Requests of one cohort over some stretch of the log and of event time.

    `counts` has one entry per word of `CLASSES`; `latency` holds the same requests' latencies.
    Cells form a commutative monoid under `merge`, with `Cell()` as zero.
    """

    counts: tuple[int, ...] = NO_COUNTS
    latency: Histogram = EMPTY

    @property
    def requests(self) -> int:
        """How many requests, whatever their outcome."""
        return sum(self.counts)

    def errors(self, classes: Iterable[str]) -> int:
        """How many requests ended in one of `classes`."""
        return sum(self.counts[CLASSES.index(word)] for word in classes)

    def merge(self, other: Cell) -> Cell:
        """Both together; associative and commutative."""
        return Cell(tuple(map(add, self.counts, other.counts)), self.latency.merge(other.latency))


NOTHING = Cell()


@dataclass(frozen=True, slots=True)
class Pane:
    """One step of event time, `[start, end)` in milliseconds since the epoch, over all cohorts.

    `complete` is false where a source of telemetry was left out; `late` counts the events of earlier panes that
    came too late to be applied; `broken` says that nobody is reporting at all.
    """

    start: int
    end: int
    cells: Mapping[str, Cell] = field(default_factory=dict)
    complete: bool = True
    late: int = 0
    broken: bool = False

    def cell(self, cohort: str) -> Cell:
        """The cohort's cell; the empty one where it had no request."""
        return self.cells.get(cohort, NOTHING)
