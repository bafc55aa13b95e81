"""Producing a case's events, once for all readers."""

from __future__ import annotations

import asyncio
import uuid

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from benchmarks.ingest.cases import Case, Filled
from benchmarks.ingest.events import partition_events
from connectors.kafka.clients import admin
from streams.clock import wall_ms
from streams.runtime.settings import Settings
from streams.topics import ensure

BATCH_BYTES = 16_384
"""The default batch size of Kafka's producers; a larger message has a batch to itself."""

_LARGEST = 1_048_576
_FLYING = 64  # batches
_AGO_MS = 600_000  # the events begin this long ago, which is longer than they last, so none is in the future


async def fill(bootstrap: str, case: Case, events: int) -> Filled:
    """Create topics for a case as Sluicegate would, and produce the events in order of time."""
    filled = Filled(bootstrap, f"bench-{uuid.uuid4().hex[:8]}.", case, events)
    settings = Settings.model_validate({"bootstrap": bootstrap, "topic_prefix": filled.prefix})
    await ensure(settings, partitions={"events": case.partitions})
    await _create(settings, filled.results, case.partitions)
    topic = filled.topics.events
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_batch_size=_LARGEST, max_request_size=4 * _LARGEST, linger_ms=0
    )
    begin_ms = wall_ms() - _AGO_MS
    async with producer:
        await asyncio.gather(
            *(_fill_partition(producer, topic, case, number, events, begin_ms) for number in range(case.partitions))
        )
    return filled


async def _fill_partition(
    producer: AIOKafkaProducer, topic: str, case: Case, number: int, events: int, begin_ms: int
) -> None:
    """Produce batch by batch, because this client would take minutes message by message."""
    flying: list[asyncio.Future[object]] = []
    batch, size = producer.create_batch(), 0

    async def send() -> None:
        batch.close()
        flying.append(await producer.send_batch(batch, topic, partition=number))
        if len(flying) >= _FLYING:
            await flying.pop(0)

    for timestamp, key, value in partition_events(case, number, events, begin_ms):
        if size and size + len(value) > BATCH_BYTES:
            await send()
            batch, size = producer.create_batch(), 0
        batch.append(timestamp=timestamp, key=key, value=value)
        size += len(key) + len(value) + 20
    await send()
    await asyncio.gather(*flying)


async def _create(settings: Settings, topic: str, partitions: int) -> None:
    client = admin(settings)
    await client.start()
    try:
        await client.create_topics([NewTopic(topic, partitions, 1)])
    finally:
        await client.close()
