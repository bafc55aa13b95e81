"""Cutting a source partition into chunks and counting each, by the log alone. Pure.

Every worker that reads the same log cuts alike, and each version of a chunk is the sum of all of it so far. So versions
can be repeated, lost, or written by two workers at once: the judge's join (streams.judge.join) still counts each event
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from connectors.decoders import RequestEvent, Unreadable
from connectors.kafka.record_times import record_times
from streams.cells import SourcePartition
from streams.ingest.cutting import ChunkSpan, RecordPosition, boundary, slot_of, take_run
from streams.ingest.event_times import EventTimes
from streams.ingest.open_chunk import OpenChunk
from streams.ingest.sizes import growth
from streams.ingest.sums import KINDS, Kinds
from streams.journal import Partial

MAX_FUTURE_MS = 60_000
"""How far an event may lie ahead of its record's timestamp, in milliseconds, if the settings have no other value."""


class SourceRecord(NamedTuple):
    """One record of the source partition: its offset, its Kafka timestamp in milliseconds, and the events in it.

    `unreadable` are the events in it that cannot be read but for their rollout and cohort.
    """

    offset: int
    timestamp: int
    events: list[RequestEvent]
    unreadable: Sequence[Unreadable] = ()


class Place(NamedTuple):
    """Where counting began: the offset, that of the oldest record that the log had then, and the topic's identity."""

    offset: int
    oldest: int
    topic_id: str = ""


BEGINNING = Place(0, 0)
"""The beginning of a log that has lost nothing."""


@dataclass(slots=True)
class Limited:
    """How often a limit applied: events counted at their record's time, events refused, and metrics dropped.

    `unplaced` are events, readable or not, of rollouts for which a chunk had no room.
    """

    clamped: int = 0
    refused: int = 0
    unplaced: int = 0
    metrics_dropped: int = 0


class Flush(NamedTuple):
    """What has to be journaled; once that is acknowledged, `commit` (if any) may be committed as the group's offset.

    `kinds` is the number of events of each of `KINDS` counted since the last flush: users' ones and synthetic ones.
    `limited` is how often a limit applied since then. After this flush all before offset `position` is journaled, and
    with it events up to the time `newest` (None before the first); `all_read` is whether that is all that was counted.
    """

    partials: list[Partial]
    commit: int | None
    kinds: Kinds
    limited: Limited
    position: int | None
    newest: int | None
    all_read: bool


class Chunker:
    """One source partition under ingest: counts decoded records in order, and gives cumulative versions of its chunks.

    `times` has when an event counts, and refuses those far ahead of `times.now`, the worker's clock.
    An unreadable event counts as one in its cell, at its own time if that can be read, else at its record's; it moves
    no event time. Synthetic events have cells of their own; a heartbeat adds its emitter to a cell, and no request. The
    limits of `streams.ingest.cells` and `MOST_METRICS` hold per chunk; what has no room there counts in `Limited`.

    All records from `place` on are given to it. The first may have a later offset: a log has gaps where no record was
    ever, or is any more, as after compaction.
    """

    def __init__(self, source: SourcePartition, max_future_ms: int = MAX_FUTURE_MS, place: Place = BEGINNING) -> None:
        self.source = source
        self.place = place
        self.newest: int | None = None
        self.times = EventTimes(max_future_ms)
        self._limited = Limited()
        self._chunk: OpenChunk | None = None
        self._finished: list[Partial] = []
        self._kinds = _no_kinds()
        self._commit: int | None = None
        self._journaled: tuple[int | None, int | None] = None, None  # position and newest as of the last flush

    def count_records(self, records: Iterable[SourceRecord]) -> None:
        """Count these records, the next of the log in order of offsets."""
        for offset, timestamp, events, unreadable in records:
            cut_at = timestamp if timestamp > 0 or not events else events[0].ts_ms
            chunk = self._chunk_of(offset, cut_at)
            self._count(chunk, events, [timestamp] * len(events))
            for found in unreadable:
                chunk.count_unreadable(found, self.times.time_of(found, timestamp))
            chunk.end_record()
            chunk.span, chunk.upto = chunk.span.after(cut_at), offset + 1

    def count_run(self, records: Sequence[RecordPosition], events: Sequence[RequestEvent]) -> None:
        """Count records that hold one event each: as `count_records`, with one step per chunk instead of per record."""
        timestamps = record_times(records) if records else []
        cut_at = timestamps
        if records and min(timestamps) <= 0:  # a record without a time is cut at that of its event
            cut_at = [time if time > 0 else event.ts_ms for time, event in zip(timestamps, events, strict=True)]
        while records:
            chunk = self._chunk_of(records[0].offset, cut_at[0])
            length, chunk.span = take_run(chunk.span, records, cut_at)
            part = events if length == len(records) else events[:length]
            if chunk.has_room_for_run(length, most := growth(part)):
                self._count(chunk, part, timestamps[:length], most)
            else:
                length = self._count_singly(chunk, part, timestamps)
            chunk.upto = records[length - 1].offset + 1
            records, events = records[length:], events[length:]
            timestamps, cut_at = timestamps[length:], cut_at[length:]

    def skip(self, offset: int, timestamp: int, records: int) -> None:
        """Go on after records up to this offset that cannot be read: each may have had an event of any rollout."""
        chunk = self._chunk_of(offset, timestamp)
        chunk.span, chunk.upto = chunk.span.after(timestamp), offset + 1
        self._limited.unplaced += records

    def flush(self, end: int = 0) -> Flush:
        """The versions that are new since the last flush, in the order in which they must be journaled.

        `end` is the offset after the last in the log, as far as is known. If the log goes on behind the open chunk, its
        final version is due in a moment: then this one is left out, but only once, so that progress never stalls.
        """
        put_off = False
        if self._chunk is not None:
            put_off = boundary(self._chunk.span.start) < end and not self._chunk.put_off
            if not put_off:
                self._add_versions(self._chunk, final=False)
            self._chunk.put_off |= put_off
        flush = Flush(self._finished, self._commit, self._kinds, self._limited, *self._journaled, not put_off)
        self._finished, self._commit, self._kinds, self._limited = [], None, _no_kinds(), Limited()
        return flush

    def _count_singly(self, chunk: OpenChunk, events: Sequence[RequestEvent], timestamps: Sequence[int]) -> int:
        """Count records of one event each until the chunk is full; returns how many were counted."""
        for place, time in enumerate(timestamps[: len(events)]):
            self._count(chunk, events[place : place + 1], (time,))
            chunk.end_record()
            if chunk.full:
                return place + 1
        return len(events)

    def _chunk_of(self, offset: int, timestamp: int) -> OpenChunk:
        """The chunk that a record belongs to: the open one, or a new one."""
        chunk = self._chunk
        if chunk is None or chunk.full or not chunk.span.holds(offset, timestamp):
            self._finish()
            chunk = self._chunk = OpenChunk(ChunkSpan(offset, slot_of(timestamp)), offset)
        return chunk

    def _finish(self) -> None:
        """Close the open chunk: its final version is due, and then all before its end may be committed."""
        if self._chunk is not None:
            self._add_versions(self._chunk, final=True)
            self._commit = self._chunk.upto
            self._chunk = None

    def _add_versions(self, chunk: OpenChunk, *, final: bool) -> None:
        self._finished += chunk.versions(self.source, final=final, topic_id=self.place.topic_id)
        self._limited.unplaced += chunk.drain_unplaced()
        for kind, numbers in chunk.drain_kinds().items():
            self._kinds[kind] = [before + more for before, more in zip(self._kinds[kind], numbers, strict=True)]
        self._journaled = chunk.upto, self.newest

    def _count(
        self,
        chunk: OpenChunk,
        events: Sequence[RequestEvent],
        timestamps: Sequence[int],
        most: int | None = None,
    ) -> None:
        """Count events of one class; `timestamps` are those of their records, and `most` their growth, if known."""
        if not events:
            return
        newest = max([event.ts_ms for event in events])
        clamped: list[RequestEvent] = []
        if newest > min(timestamps) + self.times.max_future_ms:
            given = events
            events = [self.times.clamped(event, time) for event, time in zip(given, timestamps, strict=True)]
            clamped = [event for event, before in zip(events, given, strict=True) if event is not before]
            self._limited.clamped += len(clamped)
            clamped = [event for event in clamped if not event.heartbeat]  # no request
            newest = max([event.ts_ms for event in events])
        if self.times.is_far(newest):
            most = growth(events) if most is None else most  # of all: a chunk must not end by one worker's clock
            events = self._refuse_far(chunk, events)
            if not events:
                return
            newest = max([event.ts_ms for event in events])
        if self.newest is None or newest > self.newest:
            self.newest = newest
        refused, dropped = chunk.count(events, clamped, most)
        self._limited.refused += refused
        self._limited.metrics_dropped += dropped

    def _refuse_far(self, chunk: OpenChunk, events: Sequence[RequestEvent]) -> list[RequestEvent]:
        """Refuse the events that are too far ahead of the worker's clock; returns the others."""
        far = [event for event in events if self.times.is_far(event.ts_ms)]
        chunk.refuse(far)
        self._limited.refused += len(far)
        return [event for event in events if not self.times.is_far(event.ts_ms)]


def _no_kinds() -> Kinds:
    return {False: [0] * len(KINDS), True: [0] * len(KINDS)}
