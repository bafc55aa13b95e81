"""Reading record batches whole, without building an object for each record.

More than half of what a record costs in `getmany` goes into making a `ConsumerRecord` of it, and much of the rest into
returning each one alone. Here a consumer returns each batch as the list of its raw records. They have the same
`offset`, `timestamp`, `key` and `value`. They have no topic and partition, which the caller has anyway, and no headers:
those of many records together would take too much memory.

This depends on private parts of aiokafka (`private_aiokafka`), so it is used only with the versions that were checked.
It replaces as little as possible: what aiokafka reads a fetch from returns one item per batch instead of one per
record. Everything that matters for correctness (control batches, aborted transactions, checksums, positions) remains
aiokafka's own code.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import aiokafka
from aiokafka.structs import TopicPartition

from connectors.kafka.bounded_batches import bound_batches, decompressed_bytes
from connectors.kafka.private_aiokafka import fetched_by, iterate_batches, replace_fetched

MOST_TOGETHER: Final = 1_024
"""Records that are returned in one list. An object for each of a million small ones would not fit into memory."""

MOST_DECOMPRESSED: Final = 32 * 1_048_576
"""Bytes that one poll decompresses, apart from its last batch: a fetch of 1 MiB can hold gigabytes in many batches."""


def read_batches(consumer: aiokafka.AIOKafkaConsumer) -> bool:
    """Make `getmany` of this started consumer return lists of records, each of one batch; False if that is impossible.

    Its `max_records` then counts lists. A batch that was not read is a list with one `SkippedBatch`. After False the
    consumer returns records one by one, as usual. Call `begin_poll` before each call of `getmany`.
    """
    fetched = fetched_by(consumer)
    if type(fetched) is not OrderedDict:
        return False
    bound_batches()
    replace_fetched(consumer, _Fetched(fetched))
    return True


class _Poll:
    """What had been decompressed when the current poll began."""

    began_at = 0

    def is_spent(self) -> bool:
        return decompressed_bytes() - self.began_at >= MOST_DECOMPRESSED


_poll: Final = _Poll()


def begin_poll() -> None:
    """Let the next `getmany` decompress up to the limit again."""
    _poll.began_at = decompressed_bytes()


class _Fetched(OrderedDict[TopicPartition, Any]):
    """Fetches that `getmany` has not returned yet; each that is added will be read batch by batch."""

    def __setitem__(self, partition: TopicPartition, fetch: Any) -> None:
        iterate_batches(fetch, _Batches, lambda batch, start: batch.since(start))
        super().__setitem__(partition, fetch)


class _Batches:
    """The batches of a fetch, with the two methods that aiokafka calls."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches

    def has_next(self) -> bool:
        """Whether there is a batch to read now. The rest of a fetch whose poll is spent is fetched again."""
        return bool(self._batches.has_next()) and not _poll.is_spent()

    def next_batch(self) -> _Batch:
        return _Batch(self._batches.next_batch())


class _Batch:
    """A batch with all its attributes, but which yields many records at once."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # aiokafka reads the marker of a control batch with next()
        return next(self._batch)

    def __iter__(self) -> Iterator[_Together]:
        started = iter(self._batch)
        if (skipped := getattr(self._batch, "skipped", None)) is not None:
            yield _Together(skipped.offset, [skipped])
            return
        # A batch can be started only once, and not be asked again when it has ended; this iterator can.
        records = iter(started.__next__, None)
        while together := list(islice(records, MOST_TOGETHER)):
            if getattr(self._batch, "headers", False):
                together = [_bare(each) for each in together]
            if (skipped := getattr(self._batch, "skipped", None)) is not None:  # the last one stands in for the rest
                if whole := together[:-1]:
                    yield _Together(whole[-1].offset, whole)
                yield _Together(skipped.offset, [skipped])
                return
            yield _Together(together[-1].offset, together)


class _Together(NamedTuple):
    """Records of a batch. `offset` is that of the last: aiokafka moves the position to the offset after it."""

    offset: int
    records: list[Any]

    def since(self, start: int) -> list[Any]:
        """The records from this offset on: a fetch from the middle of a batch gets all of the batch."""
        if self.records[0].offset >= start:
            return self.records
        return [record for record in self.records if record.offset >= start]


class _Bare(NamedTuple):
    """What is kept of a record that has headers."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def _bare(record: Any) -> _Bare:
    return _Bare(record.offset, record.timestamp, record.key, record.value)
