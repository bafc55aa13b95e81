"""The id of a topic: another one once the topic was made again."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from connectors.kafka import clients, topic_ids
from connectors.kafka.topic_ids import NO_ID
from connectors.kafka.topic_ids import topic_ids as ask


async def made(client: AIOKafkaAdminClient, name: str) -> str:
    """Make a topic; its id, once the broker lists it."""
    await client.create_topics([NewTopic(name, 1, 1)])
    async with asyncio.timeout(10):
        while name not in (found := await ask(client, name)):
            await asyncio.sleep(0.05)
    return found[name]


async def test_a_topic_made_anew_has_another_id(broker: str) -> None:
    """The id stays as long as the topic does; a topic that does not exist has none."""
    client = clients.admin(clients.KafkaSettings(bootstrap=broker))
    await client.start()
    try:
        first = await made(client, "made-anew")
        assert (await ask(client, "made-anew", "absent")) == {"made-anew": first}
        await client.delete_topics(["made-anew"])
        async with asyncio.timeout(10):
            while "made-anew" in await ask(client, "made-anew"):
                await asyncio.sleep(0.05)
        assert await made(client, "made-anew") != first
    finally:
        await client.close()


async def test_a_broker_without_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """No topic has an id then, which is no error."""

    async def refuse(*_: object) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(topic_ids, "send_request", refuse)
    assert await ask(SimpleNamespace(), "a", "b") == {"a": NO_ID, "b": NO_ID}
