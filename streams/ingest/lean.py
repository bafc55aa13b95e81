"""Reading records without building an object for each: aiokafka's own records, as they lie in the batch.

Of what a record costs in `getmany` more than half goes into making a `ConsumerRecord` of it. A record of the batch has
the same `offset`, `timestamp`, `key`, `value` and `headers`; only topic and partition, which the caller knows, are not
its own. The way in is private to aiokafka, so it is taken only with the versions that it was tested with, and all that
matters (control batches, aborted transactions, checksums, positions) stays aiokafka's business.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import aiokafka
from aiokafka.structs import TopicPartition

TESTED = ("0.12.", "0.13.", "0.14.")
"""Versions of aiokafka whose records are taken as they are; with others, as `ConsumerRecord`."""


def read_lean(consumer: aiokafka.AIOKafkaConsumer) -> bool:
    """From now on this (started) consumer gives records as they lie in the batch; tells whether it does."""
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if not aiokafka.__version__.startswith(TESTED) or type(getattr(fetcher, "_records", None)) is not OrderedDict:
        return False
    fetcher._records = _Fetched(fetcher._records)
    return True


class _Fetched(OrderedDict[TopicPartition, Any]):
    """What was fetched and not yet taken; what is put in will give its records as they are."""

    def __setitem__(self, partition: TopicPartition, fetched: Any) -> None:
        records = getattr(fetched, "_partition_records", None)
        if records is not None and hasattr(records, "_consumer_record"):
            records._consumer_record = _as_it_is
        super().__setitem__(partition, fetched)


def _as_it_is(_partition: TopicPartition, record: Any) -> Any:
    return record
