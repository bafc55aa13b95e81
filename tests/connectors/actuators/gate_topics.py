"""The gate's side of an actuator, for tests: write orders, read acks."""

import asyncio
import uuid
from collections.abc import Collection

import msgspec
from aiokafka.admin import NewPartitions, NewTopic

from connectors.actuators.executor import AckMessage
from connectors.kafka.clients import KafkaSettings, admin, producer
from connectors.kafka.topic_reader import read_to_end

PATIENCE_S = 60.0

_decode = msgspec.json.Decoder(AckMessage).decode


def settings_of(bootstrap: str) -> KafkaSettings:
    """Topics of the test's own on a shared broker."""
    return KafkaSettings(bootstrap=bootstrap, topic_prefix=f"actuator-{uuid.uuid4().hex}.")


async def create(settings: KafkaSettings, partitions: int = 3) -> None:
    """Create what an actuator reads and writes."""
    topics = settings.topics
    client = admin(settings)
    await client.start()
    try:
        await client.create_topics(
            [NewTopic(name, partitions, 1) for name in (topics.decisions, topics.commands, topics.acks)]
        )
    finally:
        await client.close()


async def remake(settings: KafkaSettings, topic: str, partitions: int = 3) -> None:
    """Delete a topic, and make it again."""
    client = admin(settings)
    await client.start()
    try:
        await client.delete_topics([topic])
        async with asyncio.timeout(PATIENCE_S):
            while True:
                (answer,) = (await client.create_topics([NewTopic(topic, partitions, 1)])).topic_errors
                if answer[1] == 0:
                    return
                await asyncio.sleep(0.1)  # the old one is not gone yet
    finally:
        await client.close()


async def grow(settings: KafkaSettings, topic: str, partitions: int) -> None:
    """Add partitions to a topic, so that it has as many."""
    client = admin(settings)
    await client.start()
    try:
        await client.create_partitions({topic: NewPartitions(total_count=partitions)})
    finally:
        await client.close()


async def publish(settings: KafkaSettings, *values: bytes, partition: int | None = None) -> None:
    """Write each to the topic of its schema, keyed by its rollout; what is neither goes among the decisions."""
    async with producer(settings) as sink:
        for value in values:
            command = b"sluicegate.command/v1" in value
            try:
                key = msgspec.json.decode(value)["rollout"].encode()
            except (msgspec.DecodeError, TypeError, KeyError):
                key = b"checkout-v2"
            topic = settings.topics.commands if command else settings.topics.decisions
            await sink.send_and_wait(topic, value, key=key, partition=partition)


async def acks(settings: KafkaSettings, count: int, *, timeout_s: float = PATIENCE_S) -> list[AckMessage]:
    """All acks once there are at least this many; in order within a rollout."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = [record async for record in read_to_end(settings, settings.topics.acks)]
            if len(found) >= count:
                break
            await asyncio.sleep(0.05)
    assert all(record.key == _decode(record.value).rollout.encode() for record in found)
    return [_decode(record.value) for record in found]


def outcomes(found: Collection[AckMessage]) -> list[tuple[str, str, float | None]]:
    """Acks as (id, status, the candidate's weight observed)."""
    return [(ack.id, ack.status, ack.weights.get("canary")) for ack in found]
