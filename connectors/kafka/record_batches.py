"""Reading record batches whole, without building an object for each record.

More than half of what a record costs in `getmany` goes into making a `ConsumerRecord` of it, and much of the rest into
returning each one alone. Here a consumer returns each batch as the list of its raw records. They have the same
`offset`, `timestamp`, `key`, `value` and `headers`; they have no topic and partition, which the caller has anyway.

This depends on private parts of aiokafka (`private_aiokafka`), so it is used only with the versions that were checked.
It replaces as little as possible: what aiokafka reads a fetch from returns one item per batch instead of one per
record. Everything that matters for correctness (control batches, aborted transactions, checksums, positions) remains
aiokafka's own code.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

import aiokafka
from aiokafka.structs import TopicPartition

from connectors.kafka.private_aiokafka import fetched_by, iterate_batches, replace_fetched


def read_batches(consumer: aiokafka.AIOKafkaConsumer) -> bool:
    """Make `getmany` of this started consumer return lists of records, one per batch; False if that is not possible.

    Its `max_records` then counts batches. After False the consumer returns records one by one, as usual.
    """
    fetched = fetched_by(consumer)
    if type(fetched) is not OrderedDict:
        return False
    replace_fetched(consumer, _Fetched(fetched))
    return True


class _Fetched(OrderedDict[TopicPartition, Any]):
    """Fetches that `getmany` has not returned yet; each that is added will be read batch by batch."""

    def __setitem__(self, partition: TopicPartition, fetch: Any) -> None:
        iterate_batches(fetch, _Batches, lambda batch, start: batch.since(start))
        super().__setitem__(partition, fetch)


class _Batches:
    """The batches of a fetch, with the two methods that aiokafka calls."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches
        self.has_next = batches.has_next

    def next_batch(self) -> _Batch:
        return _Batch(self._batches.next_batch())


class _Batch:
    """A batch with all its attributes, but which yields all its records at once."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # aiokafka reads the marker of a control batch with next()
        return next(self._batch)

    def __iter__(self) -> Iterator[_WholeBatch]:
        records = list(self._batch)
        if records:
            yield _WholeBatch(records[-1].offset, records)


class _WholeBatch(NamedTuple):
    """All records of a batch. `offset` is that of the last: aiokafka moves the position to the offset after it."""

    offset: int
    records: list[Any]

    def since(self, start: int) -> list[Any]:
        """The records from this offset on: a fetch from the middle of a batch gets the whole batch."""
        if self.records[0].offset >= start:
            return self.records
        return [record for record in self.records if record.offset >= start]
