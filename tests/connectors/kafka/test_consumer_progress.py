"""Whether the broker answers a consumer; a partition that is not fetched because its records wait does not count."""

import asyncio
import time
import uuid
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.consumer.fetcher import FetchError

from connectors.kafka import consumer_progress
from connectors.kafka.consumer_progress import answered, end_of

FIRST, SECOND = TopicPartition("request-events", 0), TopicPartition("request-events", 1)


def consumer(ages_ms: dict[TopicPartition, float], fetched: dict[TopicPartition, object]) -> Any:
    """Return as much of a consumer as is asked: when each partition was fetched, and what waits to be taken."""
    now = time.time() * 1000  # noqa: TID251 - the clock that aiokafka reads
    return SimpleNamespace(
        assignment=lambda: set(ages_ms),
        paused=set,
        highwater=lambda partition: 100,
        last_poll_timestamp=lambda partition: now - ages_ms[partition],
        _fetcher=SimpleNamespace(_records=OrderedDict(fetched)),
    )


def test_a_partition_that_was_not_fetched_lately_is_not_answered() -> None:
    """One of two is enough."""
    assert answered(consumer({FIRST: 0.0, SECOND: 0.0}, {}), 10_000)
    assert not answered(consumer({FIRST: 0.0, SECOND: 60_000.0}, {}), 10_000)
    assert answered(consumer({}, {}), 10_000)


@pytest.mark.parametrize(("silent_ms", "well"), [(0.0, True), (9_000.0, True), (60_000.0, False), (None, True)])
def test_without_partitions_the_group_must_have_answered(
    silent_ms: float | None, well: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spare fetches nothing; without a group there is nothing that could answer."""
    monkeypatch.setattr(consumer_progress, "group_silent_ms", lambda _: silent_ms)
    assert answered(consumer({}, {}), 10_000) is well
    paused = consumer({FIRST: 60_000.0}, {})
    paused.paused = lambda: {FIRST}
    assert answered(paused, 10_000) is well


def test_records_that_wait_are_no_sign_of_trouble() -> None:
    """A worker with a backlog fetches a partition again once all records fetched before are consumed."""
    assert answered(consumer({FIRST: 0.0, SECOND: 60_000.0}, {SECOND: object()}), 10_000)
    failed = FetchError(error=ConnectionError(), backoff=0)
    assert not answered(consumer({FIRST: 0.0, SECOND: 60_000.0}, {SECOND: failed}), 10_000)


def test_a_partition_without_a_leader_is_no_sign_of_trouble() -> None:
    """Kafka answers that it has none: then no process can fetch it."""
    reader = consumer({FIRST: 0.0, SECOND: 60_000.0}, {})
    leaders = {FIRST: 1, SECOND: -1}
    reader._client = SimpleNamespace(cluster=SimpleNamespace(leader_for_partition=leaders.get))
    assert answered(reader, 10_000)
    leaders[SECOND] = 2
    assert not answered(reader, 10_000)


async def test_an_end_that_was_reported_before_a_pause_is_old(broker: str) -> None:
    """A process that was stopped reads what had been answered meanwhile: that is no news of the partition's end."""
    partition = TopicPartition(f"ends-{uuid.uuid4().hex}", 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.create_topics([NewTopic(partition.topic, 1, 1)])
    await admin.close()
    async with AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest") as reader:
        reader.assign([partition])
        async with asyncio.timeout(30):
            while end_of(reader, partition) is None:
                await reader.getmany(timeout_ms=50)
            before = None
            while before != reader.last_poll_timestamp(partition):  # so the next fetch is sent, and not answered yet
                before = reader.last_poll_timestamp(partition)
                await asyncio.sleep(0.1)
            time.sleep(1.5)  # noqa: ASYNC251 - nothing of this process runs, as when it is stopped
            while reader.last_poll_timestamp(partition) == before:
                await asyncio.sleep(0)
            end = end_of(reader, partition)
    assert end is not None
    assert end.age_ms > 1_400
