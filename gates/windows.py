"""Sliding windows over panes: the last so many milliseconds of one cohort."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from gates.panes import CLASS_POSITION, NO_COUNTS, NO_DETAIL, Cell
from gates.stats.histogram import Histogram, RunningHistogram
from gates.stats.value_counts import ValueCounts


class CohortWindow:
    """What one cohort did in the last `length_ms` before `end`; panes enter in order of time, each once.

    Of the details it sums the transactions and, by name, the values of metrics.
    """

    __slots__ = ("_counts", "_latency", "_metrics", "_panes", "end", "failed", "length_ms", "requests", "succeeded")

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self.end = 0
        self.requests = 0
        self.succeeded = 0
        self.failed = 0
        self._panes: deque[tuple[int, Cell]] = deque()
        self._counts = list(NO_COUNTS)
        self._latency = RunningHistogram()
        self._metrics: dict[str, Counter[int]] = {}

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
        if cell.requests or cell.detail is not NO_DETAIL:
            self._panes.append((start, cell))
            self._count(cell, 1)
            self._latency.add(cell.latency)

    def _count(self, cell: Cell, sign: int) -> None:
        for index, count in enumerate(cell.counts):
            self._counts[index] += sign * count
        self.requests += sign * cell.requests
        if cell.detail is NO_DETAIL:
            return
        self.succeeded += sign * cell.detail.succeeded
        self.failed += sign * cell.detail.failed
        for name, values in cell.detail.metrics.items():
            running = self._metrics.setdefault(name, Counter())
            for bucket, number in values.items():
                running[bucket] += sign * number
                if not running[bucket]:
                    del running[bucket]
            if not running:
                del self._metrics[name]

    def errors(self, classes: Iterable[str]) -> int:
        """Requests in the window that ended in one of `classes`."""
        return sum(self._counts[CLASS_POSITION[word]] for word in classes)

    def latency(self) -> Histogram:
        """The latencies in the window."""
        return self._latency.get()

    def quantile(self, q: float) -> float | None:
        """The q-quantile of the latencies in the window, in milliseconds; None without any."""
        return self._latency.quantile(q)

    def at_or_above(self, bucket: int) -> int:
        """Requests in the window whose latency lies in the histogram's `bucket` or a higher one."""
        return self._latency.at_or_above(bucket)

    def metric(self, name: str) -> ValueCounts:
        """The values of a metric in the window."""
        return ValueCounts.from_counter(self._metrics.get(name, Counter()))

    def panes(self) -> tuple[tuple[int, Cell], ...]:
        """The panes with anything in them, with their starts; the oldest first."""
        return tuple(self._panes)
