"""Reading record batches whole, without building an object for each record.

Of what a record costs in `getmany` more than half goes into making a `ConsumerRecord` of it, and much of the rest into
handing it on alone. Here a consumer gives each batch as the list of its records as they lie in it: they have the same
`offset`, `timestamp`, `key`, `value` and `headers`; only topic and partition are not their own, and the caller knows
them.

The way in is private to aiokafka, so it is taken only with the versions that it was tested with. It is as narrow as
can be: what aiokafka reads a fetch from gives one thing per batch instead of one per record. All that matters (control
batches, aborted transactions, checksums, positions) stays aiokafka's business.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

import aiokafka
from aiokafka.structs import TopicPartition

TESTED = ("0.12.", "0.13.", "0.14.")
"""Versions of aiokafka whose batches are taken whole; others give records one by one."""


def read_batches(consumer: aiokafka.AIOKafkaConsumer) -> bool:
    """From now on `getmany` of this (started) consumer gives lists of records, one per batch; tells whether it does.

    Its `max_records` then counts batches.
    """
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if not aiokafka.__version__.startswith(TESTED) or type(getattr(fetcher, "_records", None)) is not OrderedDict:
        return False
    fetcher._records = _Fetched(fetcher._records)
    return True


class _Fetched(OrderedDict[TopicPartition, Any]):
    """What was fetched and not yet taken; what is put in will be read batch by batch."""

    def __setitem__(self, partition: TopicPartition, fetched: Any) -> None:
        reading = getattr(fetched, "_partition_records", None)
        if reading is not None:  # and no error
            start = reading.next_fetch_offset
            reading._records = _Batches(reading._records)
            reading._consumer_record = lambda _, batch: batch.since(start)
        super().__setitem__(partition, fetched)


class _Batches:
    """The batches of a fetch, as aiokafka asks for them."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches
        self.has_next = batches.has_next

    def next_batch(self) -> _Batch:
        return _Batch(self._batches.next_batch())


class _Batch:
    """A batch that is as it was but for its records: it gives all of them at once."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # the marker in a control batch
        return next(self._batch)

    def __iter__(self) -> Iterator[_Together]:
        records = list(self._batch)
        if records:
            yield _Together(records[-1].offset, records)


class _Together(NamedTuple):
    """All records of a batch; `offset` is that of the last."""

    offset: int
    records: list[Any]

    def since(self, start: int) -> list[Any]:
        """Those from this offset on: a fetch from the middle of a batch gets all of it."""
        if self.records[0].offset >= start:
            return self.records
        return [record for record in self.records if record.offset >= start]
