"""Where a source partition is cut into chunks: by the log alone, so that every worker cuts it alike. Pure.

A chunk ends at the next multiple of `CHUNK_OFFSETS` offsets, or where a record's timestamp first enters a later slot
of `SLOT_MS` than any before it in the chunk, or after `MOST_LAGGING` records in a row of earlier slots.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple, Protocol

from streams.journal import CHUNK_RULE

CHUNK_OFFSETS = 4096
"""The most offsets of a chunk: bounds what is read again after a crash."""
SLOT_MS = 10_000
"""The longest time that a chunk spans, in record time: bounds how long a quiet partition goes without a commit."""

MOST_LAGGING = 32
"""Records in a row of earlier slots than the chunk's first. More of them show that the first one's clock is ahead:
without this limit, one record from 58 minutes ahead would keep its chunk open until then.

Fewer would cut too often where a few producers have right clocks and most are behind: each cut costs a version."""

_offset = attrgetter("offset")


class RecordPosition(Protocol):
    """Where a record is in its source partition, and its Kafka timestamp in milliseconds."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def timestamp(self) -> int:
        """Its timestamp."""


def rule() -> str:
    """The rule by which this build cuts, as partials carry it."""
    cut = f"{CHUNK_OFFSETS}.{SLOT_MS}"
    return CHUNK_RULE if cut == CHUNK_RULE else cut  # the very object: msgspec then omits it as the default


def slot_of(timestamp: int) -> int:
    """The slot of record time that a timestamp is in."""
    return timestamp // SLOT_MS


class ChunkSpan(NamedTuple):
    """What decides where a chunk ends: its first offset and slot, and how many of its last records lag behind that."""

    start: int
    latest_slot: int
    lagging: int = 0

    def holds(self, offset: int, timestamp: int) -> bool:
        """Whether the next record belongs to the chunk."""
        slot = timestamp // SLOT_MS
        if offset // CHUNK_OFFSETS != self.start // CHUNK_OFFSETS or slot > self.latest_slot:
            return False
        return slot == self.latest_slot or self.lagging < MOST_LAGGING

    def after(self, timestamp: int) -> ChunkSpan:
        """The span once a record of this time is in the chunk."""
        lagging = self.lagging + 1 if timestamp // SLOT_MS < self.latest_slot else 0
        return self if lagging == self.lagging else ChunkSpan(self.start, self.latest_slot, lagging)


def boundary(start: int) -> int:
    """The offset at which a chunk ends at the latest."""
    return (start // CHUNK_OFFSETS + 1) * CHUNK_OFFSETS


def take_run(span: ChunkSpan, records: Sequence[RecordPosition], timestamps: Sequence[int]) -> tuple[int, ChunkSpan]:
    """How many of these records, of which the first is in the chunk, are in it; and the span after them."""
    length = _length(span, records, timestamps)
    if min(timestamps) >= span.latest_slot * SLOT_MS:  # the usual case: no record of the run is behind
        return length, ChunkSpan(span.start, span.latest_slot)
    for index in range(length):
        if not span.holds(span.start, timestamps[index]):
            return index, span
        span = span.after(timestamps[index])
    return length, span


def _length(span: ChunkSpan, records: Sequence[RecordPosition], timestamps: Sequence[int]) -> int:
    """How many records come before the first that has a later offset or slot than the chunk may have."""
    last, latest = boundary(span.start), (span.latest_slot + 1) * SLOT_MS
    length = len(records)
    if records[-1].offset >= last:
        length = bisect_left(records, last, key=_offset)
    if max(timestamps) >= latest:  # one pass in C for most runs: few of them cross a slot
        length = next((index for index in range(length) if timestamps[index] >= latest), length)
    return length
