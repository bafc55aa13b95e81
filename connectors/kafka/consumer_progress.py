"""How far a consumer is, and whether the broker still answers its fetches."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchError

from connectors.kafka.private_aiokafka import (
    date_fetches_by_sending,
    date_group_answers,
    fetched_by,
    group_silent_ms,
    leaderless,
)
from connectors.kafka.stalled_partitions import stalled

date_fetches_by_sending()
date_group_answers()

FRESH_MS = 1_000.0
"""Fetches are answered every 100 ms, so an end that is older than this may be out of date."""


class End(NamedTuple):
    """The end of a partition (the offset after the last), and how long ago the fetch that reported it was sent.

    With an aiokafka that was not checked, the age begins when the answer was read.
    """

    offset: int
    age_ms: float


def end_of(consumer: AIOKafkaConsumer, partition: TopicPartition) -> End | None:
    """The end that the last fetch reported; None before the first, or if the partition is not assigned to us."""
    if partition not in consumer.assignment():
        return None
    offset = consumer.highwater(partition)
    return None if offset is None else End(offset, _age_ms(consumer.last_poll_timestamp(partition)))


def answered(consumer: AIOKafkaConsumer, within_ms: float) -> bool:
    """Whether each partition that is read was fetched within this time: none is `unanswered`.

    Where none is read, the group must have answered within it: a consumer without partitions, which is a spare, fetches
    nothing, and would otherwise look well without a broker. Without a group it is true.
    """
    if not consumer.assignment() - consumer.paused():
        silent_ms = group_silent_ms(consumer)
        return silent_ms is None or silent_ms <= within_ms
    return not unanswered(consumer, within_ms)


def unanswered(consumer: AIOKafkaConsumer, within_ms: float) -> set[TopicPartition]:
    """The partitions that are read and were not fetched within this time.

    A partition whose records still wait in the client is not fetched meanwhile, and does not count. Nor does one of
    which Kafka reports that it has no leader: another process could not read it either. Nor does a stalled one, which
    was answered. With an aiokafka that was not checked, each partition counts: a backlog can then look like an outage,
    but an outage never looks fine.
    """
    due: set[TopicPartition] = consumer.assignment() - consumer.paused() - _waiting(consumer) - leaderless(consumer)
    ends = {partition: end_of(consumer, partition) for partition in due - stalled(consumer).keys()}
    return {partition for partition, end in ends.items() if end is None or end.age_ms > within_ms}


def _waiting(consumer: AIOKafkaConsumer) -> set[TopicPartition]:
    """Partitions with records that were fetched and not taken yet."""
    fetched: Mapping[TopicPartition, object] = fetched_by(consumer) or {}
    return {partition for partition, found in fetched.items() if not isinstance(found, FetchError)}


def _age_ms(polled_at: int | None) -> float:
    """The age of a fetch, in milliseconds; infinite if there was none. aiokafka dates fetches by the wall clock."""
    return float("inf") if polled_at is None else time.time() * 1000 - polled_at  # noqa: TID251 - aiokafka's clock
