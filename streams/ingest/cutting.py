"""Where a source partition is cut into chunks: by the log alone, so that every worker cuts it alike. Pure.

A chunk ends at the next multiple of `CHUNK_OFFSETS` offsets, or where a record's timestamp first enters a later slot
of `SLOT_MS` than any before it in the chunk.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

from streams.journal import CHUNK_RULE

CHUNK_OFFSETS = 4096
"""The most offsets of a chunk: bounds what is read again after a crash."""
SLOT_MS = 10_000
"""The longest time that a chunk spans, in record time: bounds how long a quiet partition goes without a commit."""

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


def in_chunk(start: int, latest_slot: int, offset: int, timestamp: int) -> bool:
    """Whether a record belongs to the chunk that starts at this offset and has reached this slot."""
    return offset // CHUNK_OFFSETS == start // CHUNK_OFFSETS and timestamp // SLOT_MS <= latest_slot


def boundary(start: int) -> int:
    """The offset at which a chunk ends at the latest."""
    return (start // CHUNK_OFFSETS + 1) * CHUNK_OFFSETS


def length_in_chunk(start: int, latest_slot: int, records: Sequence[RecordPosition], timestamps: Sequence[int]) -> int:
    """The number of these records, of which the first is in the chunk, that come before the first that is not."""
    last, latest = boundary(start), (latest_slot + 1) * SLOT_MS
    length = len(records)
    if records[-1].offset >= last:
        length = bisect_left(records, last, key=_offset)
    if max(timestamps) >= latest:  # one pass in C for most runs: few of them cross a slot
        length = next((index for index in range(length) if timestamps[index] >= latest), length)
    return length
