"""Sliding windows over panes: the last few seconds or minutes of one cohort."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import add, sub
from typing import Any

import numpy as np

from gates.panes import CLASS_POSITION, NO_COUNTS, NO_DETAIL, Cell, Detail
from gates.stats.histogram import EMPTY, Histogram, RunningHistogram
from gates.stats.value_counts import ValueCounts
from gates.statuses import CODES, NO_STATUSES

Panes = Sequence[tuple[int, Cell]]
"""Panes of one cohort that are not empty, each with its start; the oldest first."""


class CohortWindow:
    """What one cohort did in the last `length_ms` before `end`. Push panes in order of time, each once.

    Of the details it sums the transactions and, by name, the values of metrics. Latencies are summed only when they are
    read, and kept up to date only while they are read at each pane: most windows are never read for latencies, and the
    histogram is the largest part of a pane.
    """

    __slots__ = (
        "_asked",
        "_counts",
        "_latency",
        "_metrics",
        "_panes",
        "_statuses",
        "end",
        "failed",
        "length_ms",
        "requests",
        "succeeded",
    )

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self.end = 0
        self.requests = 0
        self.succeeded = 0
        self.failed = 0
        self._panes: deque[tuple[int, Cell]] = deque()
        self._counts = list(NO_COUNTS)
        self._statuses: Counter[int] = Counter()
        self._latency: RunningHistogram | None = None
        self._asked = False
        self._metrics: dict[str, Counter[int]] = {}

    @property
    def start(self) -> int:
        """Where the window begins, in milliseconds since the epoch."""
        return self.end - self.length_ms

    def push(self, start: int, end: int, cell: Cell) -> None:
        """Move the window's end to `end` and add the pane `[start, end)`."""
        self.end = end
        if not self._asked:
            self._latency = None
        self._asked = False
        begin, panes, latency = end - self.length_ms, self._panes, self._latency
        gone: list[Cell] = []
        while panes and panes[0][0] < begin:
            gone.append(panes.popleft()[1])
            self._count(gone[-1], -1)
        kept = bool(cell.requests) or cell.detail is not NO_DETAIL
        if kept:
            panes.append((start, cell))
            self._count(cell, 1)
        if latency is not None:
            # What is not kept never leaves the window, so it must not be counted in either.
            latency.slide([left.latency for left in gone], cell.latency if kept else EMPTY)

    def fill(self, panes: Panes, end: int) -> None:
        """Move the end of an empty window to `end` and add these panes, with the result of pushing each."""
        self.end = end
        begin = self.start
        self._panes.extend(pane for pane in panes if pane[0] >= begin)
        cells = [cell for _, cell in self._panes]
        self._count(Cell(tuple(map(sum, zip(NO_COUNTS, *(cell.counts for cell in cells), strict=True)))), 1)
        for cell in cells:
            if cell.detail is not NO_DETAIL or cell.statuses:
                self._count(Cell(detail=cell.detail, statuses=cell.statuses), 1)

    def _count(self, cell: Cell, sign: int) -> None:
        self._counts = list(map(add if sign > 0 else sub, self._counts, cell.counts))
        self.requests += sign * cell.requests
        for code, number in cell.statuses.items():
            self._statuses[code] += sign * number
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

    def errors(self, outcomes: Iterable[str | int]) -> int:
        """Requests in the window that ended in one of `outcomes`: classes, and exact statuses as in a policy."""
        return sum(
            self._counts[CLASS_POSITION[outcome]] if outcome in CLASS_POSITION else self._statuses[CODES[outcome]]
            for outcome in outcomes
        )

    def latency(self) -> RunningHistogram:
        """The latencies in the window. Call it again after the next pane: it is the same object, updated."""
        self._asked = True
        if self._latency is None:
            self._latency = RunningHistogram()
            self._latency.add_all([cell.latency for _, cell in self._panes])
        return self._latency

    def latencies(self) -> int:
        """How many requests in the window have a latency."""
        return self.latency().at_or_above(0)

    def metric(self, name: str) -> ValueCounts:
        """The values of a metric in the window."""
        return ValueCounts.from_counter(self._metrics.get(name, Counter()))

    def panes(self) -> Panes:
        """The panes in the window."""
        return tuple(self._panes)


def dump_panes(panes: Panes) -> dict[str, list[Any]]:
    """Panes as JSON values, in columns: a few long lists are much faster to write and read than hundreds of small ones.

    `sizes` has how many entries of `buckets` and `numbers` belong to each pane; each of `details` begins with the
    position of its pane, and so does each of `statuses`, with a code and its number for each exact status.
    """
    cells = [cell for _, cell in panes]
    latencies = [EMPTY, *(cell.latency for cell in cells)]
    return {
        "starts": [start for start, _ in panes],
        "counts": [list(column) for column in zip(*(cell.counts for cell in cells), strict=True)],
        "sizes": [len(latency.indices) for latency in latencies[1:]],
        "buckets": np.concatenate([latency.indices for latency in latencies]).tolist(),
        "numbers": np.concatenate([latency.counts for latency in latencies]).tolist(),
        "details": [
            [position, *cell.detail.dump()]
            for position, cell in enumerate(cells)
            if cell.detail is not NO_DETAIL and cell.detail != NO_DETAIL
        ],
        "statuses": [
            [position, *chain.from_iterable(cell.statuses.items())]
            for position, cell in enumerate(cells)
            if cell.statuses
        ],
    }


def load_panes(state: Mapping[str, Any]) -> Panes:
    """The panes that `dump_panes` described.

    Raises:
        ValueError: the columns do not fit together.
    """
    buckets, numbers = (np.array(state[word], dtype=np.int64) for word in ("buckets", "numbers"))
    if not len(buckets) == len(numbers) == sum(state["sizes"]):
        raise ValueError("buckets and numbers must be as many as the sizes of the panes add up to")
    for column in (buckets, numbers):
        column.flags.writeable = False  # histograms share it, so none may change it
    details = {position: Detail.load(detail) for position, *detail in state["details"]}
    statuses = {
        position: dict(zip(rest[::2], rest[1::2], strict=True)) for position, *rest in state.get("statuses", ())
    }
    panes, begin = [], 0
    rows = zip(state["starts"], zip(*state["counts"], strict=True), state["sizes"], strict=True)
    for position, (start, counts, size) in enumerate(rows):
        part = slice(begin, begin + size)
        detail, exact = details.get(position, NO_DETAIL), statuses.get(position, NO_STATUSES)
        latency = Histogram(buckets[part], numbers[part]) if size else EMPTY
        panes.append((start, Cell(counts, latency, detail, statuses=exact)))
        begin += size
    return panes
