"""Which topic a message is from, against a Faust app by hand: the topic is made again while messages wait."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import TopicPartition

from streams.runtime.settings import Settings
from streams.sequencer import order_topics
from streams.sequencer.order_topics import OrderTopics

ONE, OTHER = TopicPartition("acks", 1), TopicPartition("acks", 2)


@dataclass
class FakeFaust:
    """The consumer of a Faust app, and the broker: `ids` is None while it does not answer."""

    ids: dict[str, str] | None
    committed: dict[TopicPartition, int | None] = field(default_factory=dict)
    sought: list[TopicPartition] = field(default_factory=list)

    @property
    def _committed_offset(self) -> dict[TopicPartition, int | None]:
        return self.committed

    def assignment(self) -> set[TopicPartition]:
        """Return all partitions."""
        return {ONE, OTHER}

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read it again."""
        assert offset == 0
        self.sought.append(partition)


@pytest.fixture
def faust(monkeypatch: pytest.MonkeyPatch) -> FakeFaust:
    """A broker with one topic."""
    fake = FakeFaust({"acks": "X"}, {ONE: 8, OTHER: 21})

    async def ids(*_: object) -> dict[str, str]:
        if fake.ids is None:
            raise KafkaConnectionError
        return fake.ids

    monkeypatch.setattr(order_topics, "topic_ids", ids)
    return fake


def watched(faust: FakeFaust) -> Any:
    """Return the service that watches it."""
    found: Any = OrderTopics(Settings(), cast("Any", SimpleNamespace(consumer=faust)), ["acks"])
    found._client = object()
    return found


async def test_messages_of_the_topic_before_and_of_the_next(faust: FakeFaust) -> None:
    """Those that wait may be of either, and are passed over; Faust is sent back until the others come."""
    topics = watched(faust)
    await topics.ask()
    assert [await topics.identity("acks", 1, offset) for offset in (7, 8)] == ["X", "X"]
    faust.ids = {"acks": "Y"}
    await topics.ask()
    await topics.ask()
    assert sorted(faust.sought) == [ONE, ONE, OTHER, OTHER]
    assert [await topics.identity("acks", 1, offset) for offset in (9, 10, 0, 1)] == [None, None, "Y", "Y"]
    assert [await topics.identity("acks", 2, offset) for offset in (21, 0)] == [None, "Y"]
    faust.sought.clear()
    await topics.ask()
    assert faust.sought == []


async def test_the_first_message_waits_for_the_first_answer(faust: FakeFaust) -> None:
    """A broker that does not answer is asked again; a topic that it does not know yet has no identity."""
    topics, faust.ids = watched(faust), None
    await topics.ask()
    asked = asyncio.create_task(topics.identity("acks", 1, 5))
    await asyncio.sleep(0)
    assert not asked.done()
    faust.ids = {}
    await topics.ask()
    assert await asked == ""
    faust.ids = {"acks": "X"}
    await topics.ask()
    assert await topics.identity("acks", 1, 6) == "X"
    assert faust.sought == []


async def test_a_message_that_comes_before_it_is_connected(faust: FakeFaust, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked by a client that has no broker yet; the message waits for the first answer."""
    connecting, connected = asyncio.Event(), asyncio.Event()
    asked: list[bool] = []

    class Client:
        async def start(self) -> None:
            connecting.set()
            await connected.wait()

        async def stop(self) -> None:
            connected.clear()

    async def ids(*_: object) -> dict[str, str]:
        asked.append(connected.is_set())
        return {"acks": "X"}

    monkeypatch.setattr(order_topics, "topic_ids", ids)
    monkeypatch.setattr("connectors.kafka.clients.admin", lambda _: Client())
    topics = OrderTopics(Settings(), cast("Any", SimpleNamespace(consumer=faust)), ["acks"])
    before = asyncio.create_task(topics.identity("acks", 1, 4))  # even before it begins to connect
    starting = asyncio.create_task(topics.start())
    await connecting.wait()
    meanwhile = asyncio.create_task(topics.identity("acks", 1, 5))
    await asyncio.sleep(0)
    assert not asked
    connected.set()
    await starting
    assert (await before, await meanwhile) == ("X", "X")
    await topics.stop()
    assert all(asked)
    assert not connected.is_set()


async def test_a_message_that_came_before_the_change_is_known(faust: FakeFaust) -> None:
    """The first message of the new topic: it is not taken for one of the topic before, and then read twice."""
    topics = watched(faust)
    await topics.ask()
    faust.ids, faust.committed[ONE] = {"acks": "Y"}, None
    await topics.ask_anew()
    assert await topics.identity("acks", 1, 0) is None
    assert ONE in faust.sought
    assert await topics.identity("acks", 1, 0) == "Y"


async def test_without_answers_messages_do_not_wait_for_each(faust: FakeFaust, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two do; the others are of the topic that is known, until there is an answer. Those that wait then share one."""
    monkeypatch.setattr(order_topics, "MOST_UNANSWERED", 2)
    topics, asked = watched(faust), 0
    await topics.ask()
    ids = vars(order_topics)["topic_ids"]

    async def counted(*given: Any) -> Any:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return await ids(*given)

    monkeypatch.setattr(order_topics, "topic_ids", counted)
    faust.ids = None
    for offset in (9, 10, 11):
        await topics.ask_anew()
        assert await topics.identity("acks", 1, offset) == "X"
    assert asked == 2
    faust.ids = {"acks": "X"}
    await topics.ask()
    await asyncio.gather(*[topics.ask_anew() for _ in range(3)])
    assert asked == 5
