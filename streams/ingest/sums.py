"""The cells of a chunk while it grows. Pure.

Of an event only two numbers are kept, each in a column of its own: where it counts (its cell and outcome) and its
latency. They are summed many at once when a version is due, which costs a fraction of summing them one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from connectors.decoders import CLASS_INDEX, RequestEvent
from gates.panes import CLASSES, NO_DETAIL
from gates.stats.histogram import BUCKETS, Counts, bucket_indices
from streams.cells import CellKey, CellRecord, DetailRecord
from streams.ingest.details import DetailSums

KINDS = (*CLASSES, "heartbeat")
"""What an event counts as, in a cell."""

MOST_UNSUMMED = 1 << 16
"""So many events wait in the columns at most."""

_WIDTH = len(CLASSES)
_NOTHING: Counts = np.zeros(0, dtype=np.int64)

Kinds = dict[bool, list[int]]
"""How many events of each of `KINDS`: False has the users' ones, True the synthetic ones."""


class Cell(NamedTuple):
    """Which cell of a chunk."""

    rollout: str
    key: CellKey


def slot(cell: int, outcome: str | int | None) -> int:
    """Where an event counts: in the cell of this number, by its outcome, else status (a heartbeat may have neither).

    >>> slot(2, 503), slot(2, "ok")
    (18, 19)
    """
    return cell * _WIDTH + CLASS_INDEX.get(outcome, 0)


class Sums:
    """All cells of a chunk. Whoever opens one gets its number: 0, 1, 2, ...

    `records` has the latest record of each, as `remake` left it.
    """

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.records: list[CellRecord] = []
        self._where: list[int] = []  # two columns: of each event not summed yet its slot
        self._latencies: list[float] = []  # and its latency in milliseconds
        self._counts: Counts = np.zeros((0, _WIDTH), dtype=np.int64)  # by cell and class
        self._told = self._counts  # what of it `news` has told
        self._places = self._numbers = _NOTHING  # cell * BUCKETS + bucket, ascending, and how many latencies there
        self._details: dict[int, DetailSums] = {}
        self._heartbeats: Counter[bool] = Counter()
        self._touched: set[int] = set()

    def open(self, rollout: str, key: CellKey) -> int:
        """The number of a new cell."""
        self.cells.append(Cell(rollout, key))
        self.records.append(CellRecord(*key[:2], (0,) * _WIDTH, [], [], key[2]))
        self._touched.add(len(self.records) - 1)
        return len(self.records) - 1

    def count(self, where: list[int], events: Sequence[RequestEvent]) -> int:
        """Count events of one class, each in its slot; returns how many metrics were dropped."""
        dropped = 0
        if events and events[0].has_details:
            dropped = sum(self._count_one(slot, event) for slot, event in zip(where, events, strict=True))
        else:
            self._where += where
            self._latencies += [event.latency_ms for event in events]
        if len(self._where) >= MOST_UNSUMMED:
            self._sum()
        return dropped

    def _count_one(self, slot: int, event: RequestEvent) -> int:
        cell = slot // _WIDTH
        if event.emitter:
            self._detail(cell).report(event.emitter)
            if event.heartbeat:
                self._heartbeats[self.cells[cell].key[2]] += 1
                return 0
        self._where.append(slot)
        self._latencies.append(event.latency_ms)
        if event.user or event.metrics or event.success is not None:
            return self._detail(cell).add(event)
        return 0

    def _detail(self, number: int) -> DetailSums:
        self._touched.add(number)
        if number not in self._details:
            self._details[number] = DetailSums()
        return self._details[number]

    def _sum(self) -> None:
        """Empty the columns into the sums."""
        where = np.array(self._where, dtype=np.int64)
        buckets = bucket_indices(np.array(self._latencies, dtype=np.float64) / 1000.0)
        self._where.clear()
        self._latencies.clear()
        counts = np.bincount(where, minlength=len(self.cells) * _WIDTH).reshape(-1, _WIDTH)
        self._touched.update(np.flatnonzero(counts.any(axis=1)).tolist())
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        self._add_latencies(*np.unique(where // _WIDTH * BUCKETS + buckets, return_counts=True))

    def _add_latencies(self, places: Counts, numbers: Counts) -> None:
        if len(self._places):
            both = np.concatenate((self._places, places))
            order = both.argsort(kind="stable")  # both are sorted: this merges
            both, numbers = both[order], np.concatenate((self._numbers, numbers))[order]
            (firsts,) = np.diff(both, prepend=-1).nonzero()
            places, numbers = both[firsts], np.add.reduceat(numbers, firsts)
        self._places, self._numbers = places, numbers

    def remake(self) -> list[int]:
        """Make the records of those cells anew that hold more than when this was last called; gives their numbers."""
        self._sum()
        changed = sorted(self._touched)
        self._touched.clear()
        edges = np.array([changed, changed], dtype=np.int64).T * BUCKETS + (0, BUCKETS)
        within = self._places.searchsorted(edges).tolist()
        buckets, numbers = (self._places % BUCKETS).tolist(), self._numbers.tolist()
        counts = self._counts[changed].tolist()
        for number, (begin, end), outcomes in zip(changed, within, counts, strict=True):
            cohort, start, synthetic = self.cells[number].key
            known = self._details.get(number)
            detail = NO_DETAIL if known is None else known.get()
            shown = None if detail == NO_DETAIL else DetailRecord(*detail.dump())
            latency = buckets[begin:end], numbers[begin:end]
            self.records[number] = CellRecord(cohort, start, tuple(outcomes), *latency, synthetic, shown)
        return changed

    def news(self, kinds: Kinds) -> None:
        """Add how many events of which kind `remake` has summed since this was last asked."""
        fresh = self._counts.copy()
        fresh[: len(self._told)] -= self._told
        self._told = self._counts
        synthetic = np.array([cell.key[2] for cell in self.cells], dtype=bool)
        for kind, known in kinds.items():
            found = [*fresh[synthetic == kind].sum(axis=0).tolist(), self._heartbeats[kind]]
            kinds[kind] = [before + more for before, more in zip(known, found, strict=True)]
        self._heartbeats.clear()
