"""Sliding windows over panes: the last so many milliseconds of one cohort."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from gates.panes import CLASSES, NO_COUNTS, Cell
from gates.stats.histogram import Histogram, RunningHistogram


class CohortWindow:
    """What one cohort did in the last `length_ms` before `end`; panes enter in order of time, each once."""

    __slots__ = ("_counts", "_latency", "_panes", "end", "length_ms")

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self.end = 0
        self._panes: deque[tuple[int, Cell]] = deque()
        self._counts = list(NO_COUNTS)
        self._latency = RunningHistogram()

    @property
    def start(self) -> int:
        """Where the window begins, in milliseconds since the epoch."""
        return self.end - self.length_ms

    def push(self, start: int, end: int, cell: Cell) -> None:
        """Move the window's end to `end` and take in the pane `[start, end)`."""
        self.end = end
        while self._panes and self._panes[0][0] < self.start:
            _, gone = self._panes.popleft()
            self._count(gone, -1)
            self._latency.remove(gone.latency)
        if cell.requests:
            self._panes.append((start, cell))
            self._count(cell, 1)
            self._latency.add(cell.latency)

    def _count(self, cell: Cell, sign: int) -> None:
        for index, count in enumerate(cell.counts):
            self._counts[index] += sign * count

    @property
    def requests(self) -> int:
        """Requests in the window."""
        return sum(self._counts)

    def errors(self, classes: Iterable[str]) -> int:
        """Requests in the window that ended in one of `classes`."""
        return sum(self._counts[CLASSES.index(word)] for word in classes)

    def latency(self) -> Histogram:
        """The latencies in the window."""
        return self._latency.get()

    def above(self, limit_ms: float) -> int:
        """Requests in the window that took longer than `limit_ms`, to the histogram's resolution."""
        return self._latency.above(limit_ms)

    def panes(self) -> tuple[tuple[int, Cell], ...]:
        """The panes with traffic in the window, with their starts; the oldest first."""
        return tuple(self._panes)
