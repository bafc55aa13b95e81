"""Cutting a source partition into chunks and summing each, by the log alone. Pure.

A chunk ends at the next multiple of `CHUNK_OFFSETS` offsets, or where a record's timestamp first enters a later slot
of `SLOT_MS` than any before it in the chunk. Every worker that reads the same log therefore cuts alike, and since each
version of a chunk is the sum of all of it so far, versions can be repeated, lost, or written by two workers at once:
the judge's join (streams.judge.join) still counts each event once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import add, attrgetter
from typing import Any, NamedTuple, Protocol

from connectors.decoders import CLASS_INDEX, RequestEvent
from gates.stats.histogram import buckets_of
from streams.ingest.sums import KINDS, CellSums
from streams.journal import CELL_MS, CHUNK_RULE, CellKey, CellRecord, Partial, SourcePartition

CHUNK_OFFSETS = 4096
SLOT_MS = 10_000
MAX_FUTURE_MS = 60_000
MOST_ROLLOUTS = 10_000
MOST_COHORTS = 16
MOST_CELLS = 2_048  # of one rollout: a version with many more would be too large for the journal, and stop ingest


def rule() -> str:
    """The rule by which this build cuts, as partials tell it."""
    cut = f"{CHUNK_OFFSETS}.{SLOT_MS}"
    return CHUNK_RULE if cut == CHUNK_RULE else cut  # the very object: it is then left out of what is encoded


_offset = attrgetter("offset")

Kinds = dict[bool, list[int]]
"""How many events of each of `KINDS`: False has the users' ones, True the synthetic ones."""


def _no_kinds() -> Kinds:
    return {False: [0] * len(KINDS), True: [0] * len(KINDS)}


class Lying(Protocol):
    """Where a record lies in its source partition, and its Kafka timestamp in milliseconds."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def timestamp(self) -> int:
        """Its timestamp."""


class Decoded(NamedTuple):
    """One record of the source partition: its offset, its Kafka timestamp in milliseconds, and the events in it."""

    offset: int
    timestamp: int
    events: list[RequestEvent]


class _Rollout:
    """One rollout in a chunk: its cells, and the cohorts they name."""

    __slots__ = ("_cohorts", "cells")

    def __init__(self) -> None:
        self.cells: dict[CellKey, CellSums] = {}
        self._cohorts: set[str] = set()

    @property
    def changed(self) -> bool:
        """Whether a version is due."""
        return any(sums.changed for sums in self.cells.values())

    def open(self, cohort: str, start: int, synthetic: bool) -> CellSums | None:
        """The cell to count in: that of these words, or, without room for the cohort, of the cohort ""; or none."""
        if cohort not in self._cohorts:
            if cohort and len(self._cohorts) < MOST_COHORTS:
                self._cohorts.add(cohort)
            else:
                cohort = ""
        key = cohort, start, synthetic
        if key not in self.cells and len(self.cells) >= MOST_CELLS:
            return None
        return self.cells.setdefault(key, CellSums())

    def records(self) -> list[CellRecord]:
        return [sums.record(key) for key, sums in self.cells.items()]

    def news(self, kinds: Kinds) -> None:
        """Add how many events of which kind are in it since this was last asked."""
        for (_, _, synthetic), sums in self.cells.items():
            if sums.changed:
                kinds[synthetic] = list(map(add, kinds[synthetic], sums.news()))


@dataclass(slots=True)
class _Chunk:
    """The open chunk; `cells` finds by an event's own words the cell that it counts in."""

    start: int
    latest_slot: int
    upto: int
    rollouts: dict[str, _Rollout] = field(default_factory=dict)
    cells: dict[tuple[str, str, int, bool | None], CellSums] = field(default_factory=dict)

    def open(self, event: RequestEvent, ts: int) -> CellSums | None:
        """The cell of an event that `cells` does not know; None where the chunk is full."""
        rollout = self.rollouts.get(event.rollout)
        if rollout is None:
            if len(self.rollouts) >= MOST_ROLLOUTS:
                return None
            rollout = self.rollouts[event.rollout] = _Rollout()
        key = (event.cohort, ts - ts % CELL_MS, event.synthetic is True)
        sums = rollout.open(*key)
        if sums is not None and key in rollout.cells:  # and not, for want of room, that of the cohort ""
            self.cells[event.rollout, event.cohort, ts // CELL_MS, event.synthetic] = sums
        return sums

    def partials(self, source: SourcePartition, kinds: Kinds, *, final: bool) -> list[Partial]:
        """A version for each rollout that changed since the last time; what is new is added to `kinds`."""
        out = []
        for name in sorted(name for name, rollout in self.rollouts.items() if rollout.changed):
            self.rollouts[name].news(kinds)
            cells = self.rollouts[name].records()
            bounds: dict[str, Any] = {"start": self.start, "upto": self.upto, "final": final, "rule": rule()}
            out.append(Partial(rollout=name, source=source, cells=cells, **bounds))
        return out


def _end_within(chunk: _Chunk, records: Sequence[Lying], times: Sequence[int], begin: int) -> int:
    """How far the records from `begin`, which is in the chunk, belong to it: the index after the last."""
    boundary, latest = (chunk.start // CHUNK_OFFSETS + 1) * CHUNK_OFFSETS, (chunk.latest_slot + 1) * SLOT_MS
    end = len(records)
    if records[-1].offset >= boundary:
        end = bisect_left(records, boundary, begin, key=_offset)
    if max(times[begin:end]) >= latest:
        end = next(index for index in range(begin, end) if times[index] >= latest)
    return end


class Flush(NamedTuple):
    """What has to be journaled; once that is acknowledged, `commit` (if any) may be committed as the group's offset.

    `kinds` tells how many events of each of `KINDS` were counted since the last flush: users' ones, and synthetic ones.
    """

    partials: list[Partial]
    commit: int | None
    kinds: Kinds


class Chunker:
    """One source partition under ingest: takes decoded records in order, gives cumulative versions of its chunks.

    `max_future_ms` bounds how far an event may lie ahead of its record's timestamp; one further ahead counts at the
    record's time (and in `clamped`), so that a producer's broken clock cannot hide events in a day to come. Synthetic
    events have cells of their own; a heartbeat adds its emitter to a cell, and no request.

    A chunk holds at most `MOST_ROLLOUTS` rollouts (events of others count in `refused`), of each at most `MOST_COHORTS`
    cohorts (events of others go to the cohort "") and `MOST_CELLS` cells (events of others count in `refused`), and per
    cell at most `MOST_METRICS` metrics (values of others count in `metrics_dropped`): those that the log names first.
    """

    def __init__(self, source: SourcePartition, max_future_ms: int = MAX_FUTURE_MS) -> None:
        self.source = source
        self.position: int | None = None
        self.newest: int | None = None
        self.clamped = 0
        self.refused = 0
        self.metrics_dropped = 0
        self._max_future_ms = max_future_ms
        self._chunk: _Chunk | None = None
        self._finished: list[Partial] = []
        self._kinds = _no_kinds()
        self._commit: int | None = None

    def take(self, records: Iterable[Decoded]) -> None:
        """Count these records, the next of the log in order of offsets."""
        for offset, timestamp, events in records:
            chunk = self._enter(offset, timestamp)
            self._add(chunk, events, [timestamp] * len(events))
            chunk.upto = self.position = offset + 1

    def take_run(self, records: Sequence[Lying], events: Sequence[RequestEvent]) -> None:
        """Count records that hold one event each, as `take` does."""
        times = [record.timestamp for record in records]
        begin = 0
        while begin < len(records):
            chunk = self._enter(records[begin].offset, times[begin])
            end = _end_within(chunk, records, times, begin)
            self._add(chunk, events[begin:end], times[begin:end])
            chunk.upto = self.position = records[end - 1].offset + 1
            begin = end

    def _enter(self, offset: int, timestamp: int) -> _Chunk:
        """The chunk that a record falls into: the open one, or a new one."""
        chunk, slot = self._chunk, timestamp // SLOT_MS
        if chunk is None or offset // CHUNK_OFFSETS != chunk.start // CHUNK_OFFSETS or slot > chunk.latest_slot:
            self._finish()
            chunk = self._chunk = _Chunk(offset, slot, offset)
        return chunk

    def _add(self, chunk: _Chunk, events: Sequence[RequestEvent], times: Sequence[int]) -> None:
        """Count events; `times` are the timestamps of their records."""
        ahead = self._max_future_ms
        latest = min(times, default=0) + ahead  # none up to here is too far ahead, whichever record it is of
        buckets = buckets_of([event.latency_ms for event in events])
        newest = -1 if self.newest is None else self.newest
        cells = chunk.cells
        for event, bucket, time in zip(events, buckets, times, strict=True):
            ts = event.ts_ms
            if ts > latest and time > 0 and ts > time + ahead:
                ts = time
                self.clamped += 1
            if ts > newest:
                newest = ts
            sums = cells.get((event.rollout, event.cohort, ts // CELL_MS, event.synthetic))
            if sums is None:
                sums = chunk.open(event, ts)
                if sums is None:
                    self.refused += 1
                    continue
            if event.emitter:
                sums.report(event.emitter)
                if event.heartbeat:
                    sums.heartbeats += 1
                    continue
            sums.counts[CLASS_INDEX[event.outcome or event.status]] += 1
            sums.buckets.append(bucket)
            if event.user or event.metrics or event.success is not None:
                self.metrics_dropped += sums.detail(event)
        if newest >= 0:
            self.newest = newest

    def _finish(self) -> None:
        """Close the open chunk: its last version goes out, and then all before its end may be committed."""
        if self._chunk is not None:
            self._finished += self._chunk.partials(self.source, self._kinds, final=True)
            self._commit = self._chunk.upto
            self._chunk = None

    def flush(self) -> Flush:
        """The versions that are new since the last flush, in the order they must be journaled in."""
        partials, commit, kinds = self._finished, self._commit, self._kinds
        self._finished, self._commit, self._kinds = [], None, _no_kinds()
        if self._chunk is not None:
            partials += self._chunk.partials(self.source, kinds, final=False)
        return Flush(partials, commit, kinds)
