"""Makes every consumer of this process skip record batches that would take too much memory.

A consumer that raised would read the same batch again without end. One that decompressed it would be ended by the
system for its memory, again and again. So one record stands in for all of the batch. Its value names topic, partition,
offsets and the reason, and has a schema that no reader takes: it becomes a dead letter, as any message that cannot be
read. Without any record, a consumer whose last batch was skipped would never commit it. Everything else about a batch
remains aiokafka's own code.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, Final, NamedTuple

from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.structs import TopicPartition
from prometheus_client import Counter

from connectors.kafka.decompression import DECODERS, LARGEST_BATCH, LARGEST_SNAPSHOTS, BatchTooLargeError
from connectors.kafka.private_aiokafka import replace_decoders, wrap_partition_records
from connectors.kafka.record_headers import TooManyHeadersError, check, counted
from connectors.kafka.topics import TopicNames

SKIPPED = Counter(
    "sluicegate_skipped_batches",
    "Record batches that were not read, because they are too large when decompressed, or cannot be decompressed",
    ["topic"],
)

SCHEMA: Final = "sluicegate.skipped-batch/v1"
"""The schema of the value that stands in for a batch."""

_SNAPSHOTS: Final = TopicNames().snapshots

log = logging.getLogger(__name__)


class SkippedBatch(NamedTuple):
    """A batch that was not read: its first offset, its last, its largest timestamp, the number of its offsets, why.

    `reason` is a metrics label, and `detail` a sentence.
    """

    first: int
    offset: int
    timestamp: int
    records: int
    reason: str
    detail: str


class _StandIn(NamedTuple):
    """The record that stands in for a batch."""

    offset: int
    timestamp: int
    value: bytes
    key: None = None
    headers: tuple[()] = ()
    timestamp_type: int = 0
    checksum: None = None


class _Decompressed(threading.local):
    """Counts bytes that were decompressed. `limit` and `data` are of the batch that is decompressed now.

    Faust has its consumer in another thread.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self.limit = LARGEST_BATCH
        self.data = b""

    def decode(self, decoder: Callable[[bytes, int], bytes], data: Any) -> bytes:
        self.data = decoder(bytes(data), self.limit)
        self.bytes += len(self.data)
        return self.data

    def taken(self) -> bytes:
        """The data, which is kept no longer; empty if there was nothing to decompress."""
        data, self.data = self.data, b""
        return data


_decompressed: Final = _Decompressed()

MOST_TRIES: Final = 3
"""Tries to read a batch for which there is not enough memory: something else may have it for a moment."""

_no_memory: Final[dict[TopicPartition, tuple[int, int]]] = {}  # the batch of a partition, and how often it was tried


def decompressed_bytes() -> int:
    """Bytes that this thread has decompressed of batches so far."""
    return _decompressed.bytes


@cache
def bound_batches() -> bool:
    """Bound what consumers decompress from now on; False if this aiokafka was not checked."""
    decoders = {name: partial(_decompressed.decode, decoder) for name, decoder in DECODERS.items()}
    if replace_decoders(decoders) and wrap_partition_records(_BoundedBatches):
        return True
    log.warning("this version of aiokafka was not checked: the decompressed size of record batches has no limit")
    return False


class _BoundedBatches:
    """The batches of a fetch, with the two methods that aiokafka calls."""

    def __init__(self, partition: TopicPartition, batches: Any) -> None:
        self._partition = partition
        self._batches = batches
        self.has_next = batches.has_next

    def next_batch(self) -> _BoundedBatch:
        return _BoundedBatch(self._partition, self._batches.next_batch())


class _BoundedBatch:
    """A batch with all its attributes, which has one record that stands in for its own if it is `skipped`.

    `headers` is whether a record read so far has any.
    """

    def __init__(self, partition: TopicPartition, batch: Any) -> None:
        self.skipped: SkippedBatch | None = None
        self.headers = False
        self._partition = partition
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # aiokafka reads the marker of a control batch with next()
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        topic = self._partition.topic
        _decompressed.limit = LARGEST_SNAPSHOTS if topic.endswith(_SNAPSHOTS) else LARGEST_BATCH
        try:
            records = iter(self._batch)  # this decompresses the batch
            data = _decompressed.taken()
            if data and hasattr(self._batch, "base_offset"):  # the old formats do not have it, nor headers
                records = counted(data, records)
        except BatchTooLargeError:
            more = f"its records are more than {_decompressed.limit:,} bytes when decompressed"
            return self._skip("oversized_batch", more)
        except Exception as error:  # the checksum is right, so reading it again would be no better
            self._raise_if_passing(error)
            return self._skip("bad_batch", f"it cannot be decompressed ({type(error).__name__}: {error})")
        return self._readable(records)

    def _readable(self, records: Iterator[Any]) -> Iterator[Any]:
        """The records up to the first that cannot be read, whose header has a name that is not UTF-8, for example.

        There is no way to find the record behind it, so one record stands in for the rest of the batch.
        """
        before = None
        try:
            for record in records:
                if headers := record.headers:
                    self.headers = True
                    check(len(headers))  # of batches that are small, or not compressed
                before = record
                yield record
        except TooManyHeadersError as error:
            yield from self._skip("oversized_batch", f"a record in it has {error}", _after(before))
        except Exception as error:
            self._raise_if_passing(error)
            why = f"a record in it cannot be read ({type(error).__name__}: {error})"
            yield from self._skip("bad_batch", why, _after(before))

    def _raise_if_passing(self, error: Exception) -> None:
        """Raise an error that may be no fault of the batch: a codec that is not installed, or no memory at present."""
        if isinstance(error, KafkaError) and not isinstance(error, CorruptRecordException):
            raise error
        if isinstance(error, MemoryError):
            last = self._batch.next_offset
            at, tries = _no_memory.pop(self._partition, (last, 0))
            tries = tries + 1 if at == last else 1
            if tries < MOST_TRIES:
                _no_memory[self._partition] = (last, tries)
                raise error

    def _skip(self, reason: str, why: str, first: int | None = None) -> Iterator[Any]:
        batch, (topic, partition) = self._batch, self._partition
        last = batch.next_offset - 1
        if first is None:
            first = getattr(batch, "base_offset", last)  # the old formats do not have it
        timestamp = getattr(batch, "max_timestamp", -1)
        detail = f"the batch of offsets {first} to {last} was not read: {why}"
        self.skipped = SkippedBatch(first, last, timestamp, last - first + 1, reason, detail)
        SKIPPED.labels(topic).inc()
        log.error("%s partition %d: %s", topic, partition, detail)
        value = {"schema": SCHEMA, "topic": topic, "partition": partition, "first": first, "last": last}
        value |= {"reason": reason, "detail": detail}
        return iter([_StandIn(last, timestamp, json.dumps(value).encode())])


def _after(record: Any) -> int | None:
    return None if record is None else record.offset + 1
