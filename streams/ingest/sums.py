"""The counts of a chunk's cells while it grows. Pure.

Of most events only two numbers are kept, each in a column of its own: the slot, which is the cell and the status, and
the latency. They are summed many at a time with numpy when a version is due, which costs a fraction of adding them one
by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from connectors.decoders import RequestEvent
from gates.panes import CLASSES, NO_DETAIL
from gates.stats.histogram import BUCKETS, Counts, bucket_indices
from streams.cells import CellRecord, DetailRecord
from streams.ingest.cells import CLASS_OF_SLOT, EXACT, SLOTS_PER_CELL, ChunkCell
from streams.ingest.details import DetailSums

KINDS: Final = (*CLASSES, "heartbeat")
"""What an event counts as, in a cell."""

MOST_UNSUMMED: Final = 1 << 16
"""Events that wait in the columns at most: bounds their memory between two versions."""

_CLASSES: Counts = np.array(CLASS_OF_SLOT, dtype=np.int64)

_NOTHING: Counts = np.zeros(0, dtype=np.int64)

Emitted = defaultdict[tuple[int, str, bool | None], int]
"""Requests with an emitter that are not summed yet, by slot, emitter and success."""

Kinds = dict[bool, list[int]]
"""The number of events of each of `KINDS`: under False the users' ones, under True the synthetic ones."""


class CellSums:
    """The sums of all cells of a chunk; `cells` are those cells by number, and grow while this counts."""

    def __init__(self, cells: Sequence[ChunkCell]) -> None:
        self._cells = cells
        self._slots: list[int] = []  # two columns: of each event that is not summed yet, its slot
        self._latencies: list[float | None] = []  # and its latency in milliseconds
        self._emitted: Emitted = defaultdict(int)
        self._counts: Counts = np.zeros((0, len(CLASSES)), dtype=np.int64)  # by cell and class
        self._statuses: defaultdict[int, Counter[int]] = defaultdict(Counter)  # by cell: by code of the exact status
        self._reported = self._counts  # the part of `_counts` that `drain_kinds` has returned
        self._places = self._numbers = _NOTHING  # cell * BUCKETS + bucket, ascending, and the latencies counted there
        self._details: dict[int, DetailSums] = {}
        self._heartbeats: Counter[bool] = Counter()
        self._changed: set[int] = set()

    def count(self, slots: list[int], events: Sequence[RequestEvent]) -> int:
        """Count events of one class, each in its slot; returns the number of metrics that were dropped."""
        dropped = 0
        if events and events[0].has_details:
            dropped = sum(self._count_one(slot, event) for slot, event in zip(slots, events, strict=True))
        else:
            self._slots += slots
            self._latencies += [event.latency_ms for event in events]
        if len(self._slots) >= MOST_UNSUMMED:
            self._sum_columns()
        return dropped

    def count_unreadable(self, cell: int) -> None:
        """Count an event of this cell that cannot be read."""
        self._detail(cell).unreadable += 1

    def count_clamped(self, slots: Iterable[int]) -> None:
        """Count events in these slots whose time is not their own; they are counted as the others as well."""
        for slot in slots:
            self._detail(slot // SLOTS_PER_CELL).clamped += 1

    def _count_one(self, slot: int, event: RequestEvent) -> int:
        cell = slot // SLOTS_PER_CELL
        if event.emitter:
            if event.heartbeat:
                self._detail(cell).add_heartbeat(event.emitter)
                self._heartbeats[self._cells[cell].key[2]] += 1
                return 0
            self._emitted[slot, event.emitter, event.success] += 1
        self._slots.append(slot)
        self._latencies.append(event.latency_ms)
        if event.user or event.metrics or event.success is not None:
            return self._detail(cell).add_request(event, slot % SLOTS_PER_CELL)
        return 0

    def _detail(self, number: int) -> DetailSums:
        self._changed.add(number)
        if number not in self._details:
            self._details[number] = DetailSums()
        return self._details[number]

    def _sum_columns(self) -> None:
        """Add the columns to the sums, and empty them; and the emitters, of which there are few beside their events."""
        for (slot, emitter, success), number in self._emitted.items():
            self._detail(slot // SLOTS_PER_CELL).add_emitter(emitter, slot % SLOTS_PER_CELL, success, number)
        self._emitted.clear()
        slots = np.array(self._slots, dtype=np.int64)
        seconds = np.array(self._latencies, dtype=np.float64) / 1000.0  # NaN where an event has no latency
        self._slots.clear()
        self._latencies.clear()
        cells = slots // SLOTS_PER_CELL
        within = slots - cells * SLOTS_PER_CELL
        if (exact := within >= len(CLASSES)).any():
            self._add_statuses(slots[exact])
        slots = cells * len(CLASSES) + _CLASSES[within]
        counts = np.bincount(slots, minlength=len(self._cells) * len(CLASSES)).reshape(-1, len(CLASSES))
        self._changed.update(np.flatnonzero(counts.any(axis=1)).tolist())
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        if (lacking := np.isnan(seconds)).any():
            cells, seconds = cells[~lacking], seconds[~lacking]
        self._add_latencies(*np.unique(cells * BUCKETS + bucket_indices(seconds), return_counts=True))

    def _add_statuses(self, slots: Counts) -> None:
        """Count these slots of exact statuses. There are few kinds of them, however many events fail."""
        for slot, number in zip(*(each.tolist() for each in np.unique(slots, return_counts=True)), strict=True):
            cell, within = divmod(slot, SLOTS_PER_CELL)
            self._statuses[cell][EXACT[within - len(CLASSES)]] += number

    def _add_latencies(self, places: Counts, numbers: Counts) -> None:
        if len(self._places):
            both = np.concatenate((self._places, places))
            order = both.argsort(kind="stable")  # both halves are sorted, and a stable sort merges them in linear time
            both, numbers = both[order], np.concatenate((self._numbers, numbers))[order]
            (firsts,) = np.diff(both, prepend=-1).nonzero()
            places, numbers = both[firsts], np.add.reduceat(numbers, firsts)
        self._places, self._numbers = places, numbers

    def changed_records(self) -> dict[int, CellRecord]:
        """The records, by number, of the cells that have changed since the last call."""
        self._sum_columns()
        changed = sorted(self._changed)
        self._changed.clear()
        edges = np.array([changed, changed], dtype=np.int64).T * BUCKETS + (0, BUCKETS)
        within = self._places.searchsorted(edges).tolist()
        buckets, numbers = (self._places % BUCKETS).tolist(), self._numbers.tolist()
        counts = self._counts[changed].tolist()
        records = {}
        for number, (begin, end), outcomes in zip(changed, within, counts, strict=True):
            cohort, start, synthetic = self._cells[number].key
            sums = self._details.get(number)
            detail = NO_DETAIL if sums is None else sums.get()
            written = None if detail == NO_DETAIL else DetailRecord(*detail.dump())
            latency = buckets[begin:end], numbers[begin:end]
            missing = (0, 0) if sums is None else (sums.unreadable, sums.clamped)
            statuses = dict(sorted(self._statuses[number].items())) if number in self._statuses else {}
            known = tuple(outcomes), *latency, synthetic, written, *missing, statuses
            records[number] = CellRecord(cohort, start, *known)
        return records

    def drain_kinds(self) -> Kinds:
        """The number of events of each kind that were summed since the last call."""
        fresh = self._counts.copy()
        fresh[: len(self._reported)] -= self._reported
        self._reported = self._counts
        synthetic = np.array([cell.key[2] for cell in self._cells], dtype=bool)
        kinds = {
            kind: [*fresh[synthetic == kind].sum(axis=0).tolist(), self._heartbeats[kind]] for kind in (False, True)
        }
        self._heartbeats.clear()
        return kinds
