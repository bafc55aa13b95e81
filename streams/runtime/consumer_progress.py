"""How a consumer stands with the broker: whether it is being answered, and how far there is to go."""

from __future__ import annotations

from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchError

from streams.clock import age_ms

FRESH_MS = 1_000.0
"""Fetches are answered every 100 ms: an end that was heard of longer ago than this says nothing of now."""


class End(NamedTuple):
    """The end of a partition (the offset after the last), as a fetch told it so many milliseconds ago."""

    offset: int
    age_ms: float


def end_of(consumer: AIOKafkaConsumer, partition: TopicPartition) -> End | None:
    """The end that the last fetch told; None where there was none yet, or the partition is no longer ours."""
    if partition not in consumer.assignment():
        return None
    offset = consumer.highwater(partition)
    return None if offset is None else End(offset, age_ms(consumer.last_poll_timestamp(partition)))


def answered(consumer: AIOKafkaConsumer, within_ms: float) -> bool:
    """Whether each partition that is read was fetched within this time; true where there is none.

    One that has records waiting here is not fetched meanwhile, and need not be.
    """
    due = consumer.assignment() - consumer.paused() - _waiting(consumer)
    ends = [end_of(consumer, partition) for partition in due]
    return all(end is not None and end.age_ms <= within_ms for end in ends)


def _waiting(consumer: AIOKafkaConsumer) -> set[TopicPartition]:
    """Partitions of which records were fetched and not yet taken (aiokafka does not tell; where it changes, none)."""
    fetched: dict[TopicPartition, object] = getattr(getattr(consumer, "_fetcher", None), "_records", {})
    return {partition for partition, found in fetched.items() if not isinstance(found, FetchError)}
