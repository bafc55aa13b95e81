"""What trials do to topics: make, alter, delete."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from connectors.kafka import clients
from streams.runtime.settings import Settings
from streams.topics.creation import ensure
from streams.topics.specs import TOPICS
from tests.faults.times import PATIENCE
from tests.pipeline.harness import PARTITIONS, Site

T = TypeVar("T")


async def admin(site: Site, work: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
    """Do this work with an admin client; returns its result."""
    client = clients.admin(site.settings)
    await client.start()
    try:
        return await work(client)
    finally:
        await client.close()


async def make_topics(site: Site, **partitions: int) -> None:
    """Make the topics that are missing, as a worker does that starts; some with other numbers of partitions."""
    await ensure(Settings(**site.settings.model_dump()), replication=1, partitions=PARTITIONS | partitions)


async def delete_topic(site: Site, topic: str) -> None:
    """Delete a topic, and wait until the broker no longer lists it."""

    async def forget(client: AIOKafkaAdminClient) -> None:
        await client.delete_topics([topic])
        async with asyncio.timeout(PATIENCE):
            while topic in await client.list_topics():
                await asyncio.sleep(0.05)

    await admin(site, forget)


async def set_topic(site: Site, topic: str, **changes: str) -> None:
    """Give a topic (by its short name in `TOPICS`) the settings it was made with, and these changes."""
    (spec,) = [each for each in TOPICS if each.short_name == topic]
    wanted = ConfigResource(ConfigResourceType.TOPIC, spec.name(site.topics), configs=spec.config | changes)
    answers = await admin(site, lambda client: client.alter_configs([wanted]))
    assert [resource[0] for answer in answers for resource in answer.resources] == [0]
