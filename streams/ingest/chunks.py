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
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from connectors.decoders import RequestEvent
from streams.cells import CELL_MS, CellKey, SourcePartition
from streams.ingest.sums import KINDS, Kinds, Sums, slot
from streams.journal import CHUNK_RULE, Partial

CHUNK_OFFSETS = 4096
SLOT_MS = 10_000
MAX_FUTURE_MS = 60_000
MOST_ROLLOUTS = 10_000
MOST_COHORTS = 16
MOST_CELLS = 2_048  # of one rollout: a version with many more would be too large for the journal, and stop ingest
MOST_KNOWN = 1 << 17  # words that are looked up at once; others take longer


def rule() -> str:
    """The rule by which this build cuts, as partials tell it."""
    cut = f"{CHUNK_OFFSETS}.{SLOT_MS}"
    return CHUNK_RULE if cut == CHUNK_RULE else cut  # the very object: it is then left out of what is encoded


_offset = attrgetter("offset")


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
    """One rollout in a chunk: the numbers of its cells, and the cohorts they name."""

    __slots__ = ("_cohorts", "cells")

    def __init__(self) -> None:
        self.cells: dict[CellKey, int] = {}
        self._cohorts: set[str] = set()

    def key(self, cohort: str, start: int, synthetic: bool) -> CellKey | None:
        """The cell to count in: that of these words, or, without room for the cohort, of the cohort ""; or none."""
        if cohort not in self._cohorts:
            if cohort and len(self._cohorts) < MOST_COHORTS:
                self._cohorts.add(cohort)
            else:
                cohort = ""
        key = cohort, start, synthetic
        return key if key in self.cells or len(self.cells) < MOST_CELLS else None


Words = tuple[str, str, int, bool | None, str | int | None]
"""What an event says of where it counts: rollout, cohort, second since the epoch, whether it is synthetic, outcome."""


@dataclass(slots=True)
class _Chunk:
    """The open chunk; `known` finds by an event's own words the number of the slot that it counts in.

    `put_off` is whether a version of it was left out, which happens once.
    """

    start: int
    latest_slot: int
    upto: int
    put_off: bool = False
    rollouts: dict[str, _Rollout] = field(default_factory=dict)
    known: dict[Words, int] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)

    @property
    def boundary(self) -> int:
        """The offset at which it ends at the latest."""
        return (self.start // CHUNK_OFFSETS + 1) * CHUNK_OFFSETS

    def open(self, event: RequestEvent) -> int | None:
        """The slot of an event; None where the chunk is full."""
        outcome = event.outcome or event.status
        said = (event.rollout, event.cohort, event.ts_ms // CELL_MS, event.synthetic, outcome)
        if said in self.known:
            return self.known[said]
        rollout = self.rollouts.get(event.rollout)
        if rollout is None:
            if len(self.rollouts) >= MOST_ROLLOUTS:
                return None
            rollout = self.rollouts[event.rollout] = _Rollout()
        wanted = (event.cohort, event.ts_ms - event.ts_ms % CELL_MS, event.synthetic is True)
        key = rollout.key(*wanted)
        if key is None:
            return None
        if key not in rollout.cells:
            rollout.cells[key] = self.sums.open(event.rollout, key)
        found = slot(rollout.cells[key], outcome)
        if key == wanted and len(self.known) < MOST_KNOWN:  # else there is no room for its cohort, nor for its words
            self.known[said] = found
        return found

    def partials(self, source: SourcePartition, kinds: Kinds, *, final: bool) -> list[Partial]:
        """A version for each rollout that changed since the last time; what is new is added to `kinds`."""
        changed = {self.sums.cells[number].rollout for number in self.sums.remake()}
        self.sums.news(kinds)
        bounds: dict[str, Any] = {"start": self.start, "upto": self.upto, "final": final, "rule": rule()}
        records = self.sums.records
        return [
            Partial(
                rollout=name, source=source, cells=[records[n] for n in self.rollouts[name].cells.values()], **bounds
            )
            for name in sorted(changed)
        ]


def _end_within(chunk: _Chunk, records: Sequence[Lying], times: Sequence[int]) -> int:
    """How many of these records, of which the first is in the chunk, belong to it before one that does not."""
    boundary, latest = chunk.boundary, (chunk.latest_slot + 1) * SLOT_MS
    end = len(records)
    if records[-1].offset >= boundary:
        end = bisect_left(records, boundary, key=_offset)
    if max(times) >= latest:
        end = next((index for index in range(end) if times[index] >= latest), end)
    return end


class Flush(NamedTuple):
    """What has to be journaled; once that is acknowledged, `commit` (if any) may be committed as the group's offset.

    `kinds` tells how many events of each of `KINDS` were counted since the last flush: users' ones, and synthetic ones.
    Then all before offset `position` is journaled, and with it events up to the time `newest` (None before the first);
    `all_read` is whether that is all that was taken.
    """

    partials: list[Partial]
    commit: int | None
    kinds: Kinds
    position: int | None
    newest: int | None
    all_read: bool


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
        self.newest: int | None = None
        self.clamped = 0
        self.refused = 0
        self.metrics_dropped = 0
        self._max_future_ms = max_future_ms
        self._chunk: _Chunk | None = None
        self._finished: list[Partial] = []
        self._kinds = _no_kinds()
        self._commit: int | None = None
        self._journaled: tuple[int | None, int | None] = None, None  # position and newest, as of what was flushed last

    def take(self, records: Iterable[Decoded]) -> None:
        """Count these records, the next of the log in order of offsets."""
        for offset, timestamp, events in records:
            chunk = self._enter(offset, timestamp)
            self._add(chunk, events, [timestamp] * len(events))
            chunk.upto = offset + 1

    def take_run(self, records: Sequence[Lying], events: Sequence[RequestEvent]) -> None:
        """Count records that hold one event each, as `take` does."""
        times = [record.timestamp for record in records]
        while records:
            chunk = self._enter(records[0].offset, times[0])
            end = _end_within(chunk, records, times)
            if end == len(records):
                self._add(chunk, events, times)
            else:
                self._add(chunk, events[:end], times[:end])
            chunk.upto = records[end - 1].offset + 1
            records, events, times = records[end:], events[end:], times[end:]

    def _enter(self, offset: int, timestamp: int) -> _Chunk:
        """The chunk that a record falls into: the open one, or a new one."""
        chunk, slot = self._chunk, timestamp // SLOT_MS
        if chunk is None or offset // CHUNK_OFFSETS != chunk.start // CHUNK_OFFSETS or slot > chunk.latest_slot:
            self._finish()
            chunk = self._chunk = _Chunk(offset, slot, offset)
        return chunk

    def _add(self, chunk: _Chunk, events: Sequence[RequestEvent], times: Sequence[int]) -> None:
        """Count events of one class; `times` are the timestamps of their records."""
        if not events:
            return
        newest = max([event.ts_ms for event in events])
        if newest > min(times) + self._max_future_ms:
            events = [self._bounded(event, time) for event, time in zip(events, times, strict=True)]
            newest = max([event.ts_ms for event in events])
        if self.newest is None or newest > self.newest:
            self.newest = newest
        known = chunk.known.get
        found = [known((e.rollout, e.cohort, e.ts_ms // CELL_MS, e.synthetic, e.outcome or e.status)) for e in events]
        if None in found:
            found, events = self._opened(chunk, found, events)
        self.metrics_dropped += chunk.sums.count(cast("list[int]", found), events)

    def _bounded(self, event: RequestEvent, time: int) -> RequestEvent:
        """The event, counted at its record's time if it lies too far ahead of it."""
        if not 0 < time < event.ts_ms - self._max_future_ms:
            return event
        self.clamped += 1
        return msgspec.structs.replace(event, ts_ms=time)

    def _opened(
        self, chunk: _Chunk, found: Sequence[int | None], events: Sequence[RequestEvent]
    ) -> tuple[list[int | None], list[RequestEvent]]:
        """The slots of events of which some were not known, and the events; without those that there is no room for."""
        pairs = [
            (chunk.open(event) if number is None else number, event)
            for number, event in zip(found, events, strict=True)
        ]
        kept = [(number, event) for number, event in pairs if number is not None]
        self.refused += len(pairs) - len(kept)
        return [number for number, _ in kept], [event for _, event in kept]

    def _finish(self) -> None:
        """Close the open chunk: its last version goes out, and then all before its end may be committed."""
        if self._chunk is not None:
            self._finished += self._chunk.partials(self.source, self._kinds, final=True)
            self._commit = self._chunk.upto
            self._journaled = self._chunk.upto, self.newest
            self._chunk = None

    def flush(self, end: int = 0) -> Flush:
        """The versions that are new since the last flush, in the order they must be journaled in.

        `end` is the offset after the last in the log, as far as is known. If the log goes on behind the open chunk, its
        last version is due in a moment: then this one is left out, once.
        """
        partials, commit, kinds = self._finished, self._commit, self._kinds
        self._finished, self._commit, self._kinds = [], None, _no_kinds()
        put_off = False
        if self._chunk is not None:
            put_off = self._chunk.boundary < end and not self._chunk.put_off
            if not put_off:
                partials += self._chunk.partials(self.source, kinds, final=False)
                self._journaled = self._chunk.upto, self.newest
            self._chunk.put_off |= put_off
        return Flush(partials, commit, kinds, *self._journaled, not put_off)
