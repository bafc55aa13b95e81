"""Messages that are sent beside a loop: each until its topic accepts it."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from prometheus_client import REGISTRY

from streams.runtime import outbox
from streams.runtime.health import Health, Pulse
from streams.runtime.outbox import Bounds, Outbox

TOPIC = "gate-status"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 0.001)


class Topic:
    """What a topic has accepted; it refuses the messages in `refused`, and answers only while it is `open`."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.tries: list[str] = []
        self.refused: dict[str, Exception] = {}
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: str) -> None:
        """Accept a message."""
        self.tries.append(message)
        await self.open.wait()
        if message in self.refused:
            raise self.refused[message]
        self.accepted.append(message)


def made(topic: Topic, bounds: Bounds | None = None) -> tuple[Outbox[str], Health, Pulse]:
    """Return an outbox, and the health that shows its trouble."""
    health = Health()
    pulse = health.pulse("judge")
    return Outbox(TOPIC, topic.send, pulse, bounds or Bounds(), len), health, pulse


async def until(topic: Topic, tries: int) -> None:
    """Wait until the topic was tried this often."""
    async with asyncio.timeout(60):
        while len(topic.tries) < tries:
            await asyncio.sleep(0)


async def settled(found: Outbox[str]) -> None:
    """Wait until all is accepted."""
    async with asyncio.timeout(60):
        while not await found.settle(60.0):
            await asyncio.sleep(0)


async def test_messages_of_a_key_keep_their_order_and_wait_for_no_other_key() -> None:
    """One that is refused holds back those of its key alone, and once it is accepted they follow."""
    topic = Topic()
    found, *_ = made(topic)
    topic.refused["a1"] = MessageSizeTooLargeError()
    for message in ("a1", "a2", "b1", "b2", "a1"):  # the last is there already
        found.put(message[0], message)
    await until(topic, 10)
    assert topic.accepted == ["b1", "b2"]
    assert not await found.settle(60.0)
    assert await found.settle(60.0, among=lambda message: message.startswith("b"))
    topic.refused.clear()
    await settled(found)
    assert topic.accepted == ["b1", "b2", "a1", "a2"]


async def test_only_the_newest_waits_where_that_is_enough() -> None:
    """While one is on its way, a newer one takes the place of those between; a refused one is not sent after it."""
    topic = Topic()
    found, *_ = made(topic, Bounds(newest=True, messages=2))
    topic.open.clear()
    found.put("r", "1")
    await until(topic, 1)
    for message in ("2", "3"):
        found.put("r", message)
    assert found.full  # the one on its way, and the newest
    topic.refused["1"] = KafkaError()
    topic.open.set()
    await settled(found)
    assert (topic.accepted, found.full) == (["3"], False)


async def test_trouble_is_shown_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    """By health and metric with the topic's name; in the log once, however often it is tried, and again at its end."""
    topic = Topic()
    found, health, pulse = made(topic)
    pulse.trouble = "journal partition 1 is truncated"
    topic.refused |= {"a": MessageSizeTooLargeError(), "b": TimeoutError()}
    with caplog.at_level(logging.INFO):
        for key in ("a", "b"):
            found.put(key, key)
        await until(topic, 10)
        why = f"{TOPIC} does not accept messages (MessageSizeTooLargeError, TimeoutError)"
        assert health.alive() == (False, {"judge": f"journal partition 1 is truncated; {why}"})
        assert REGISTRY.get_sample_value("sluicegate_waiting_messages", {"topic": TOPIC}) == 2
        topic.refused.clear()
        await settled(found)
        await asyncio.sleep(0)
    assert health.alive()[1] == {"judge": "journal partition 1 is truncated"}
    assert REGISTRY.get_sample_value("sluicegate_waiting_messages", {"topic": TOPIC}) == 0
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_a_topic_that_does_not_answer_is_trouble_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client tries some errors again by itself, for longer than anyone should wait to learn of it."""
    monkeypatch.setattr(outbox, "SLOW_SECONDS", 0.0)
    topic = Topic()
    found, health, _ = made(topic)
    topic.open.clear()
    found.put("r", "1")
    async with asyncio.timeout(60):
        while health.alive()[0]:
            await asyncio.sleep(0)
    assert health.alive()[1] == {"judge": f"{TOPIC} does not accept messages (it does not answer)"}
    topic.open.set()
    async with asyncio.timeout(60):
        while not health.alive()[0]:
            await asyncio.sleep(0)


async def test_what_nobody_can_send_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """It would fail each time; those after it are sent."""
    topic = Topic()
    found, *_ = made(topic)
    topic.refused["bad"] = TypeError("not bytes")
    for message in ("bad", "good"):
        found.put("r", message)
    assert await found.settle(60.0)
    assert topic.accepted == ["good"]
    assert "a message to gate-status cannot be sent" in caplog.text


async def test_many_of_a_lane_are_sent_at_once() -> None:
    """Those that were refused are tried again, in their order, with those that were put meanwhile."""
    topic = Topic()
    found, *_ = made(topic, Bounds(at_once=3))
    topic.refused |= {"1": KafkaError(), "3": KafkaError()}
    for number in range(5):
        found.put(None, str(number))
    await until(topic, 3)
    assert topic.tries == ["0", "1", "2"]
    await until(topic, 6)
    assert topic.tries[3:6] == ["1", "3", "4"]
    topic.refused.clear()
    await settled(found)
    assert sorted(topic.accepted) == ["0", "1", "2", "3", "4"]


async def test_it_is_full_by_messages_or_bytes() -> None:
    """Sent or forgotten they count no more."""
    for bounds in (Bounds(messages=2), Bounds(size=5)):
        topic = Topic()
        found, _, pulse = made(topic, bounds)
        topic.refused |= {"abc": KafkaError(), "def": KafkaError()}
        full = []
        for message in ("abc", "def"):
            found.put(message, message)
            full.append(found.full)
        await until(topic, 4)
        full.append(found.full)
        for key in ("abc", "nothing"):
            found.forget(key)
        assert ([*full, found.full], list(pulse.topics)) == ([False, True, True, False], [TOPIC])
        found.forget("def")
        assert pulse.topics == {}
        assert await found.settle(0.0)


async def test_one_on_its_way_that_is_forgotten_is_not_tried_again() -> None:
    """Whether it was refused or accepted meanwhile."""
    topic = Topic()
    found, *_ = made(topic, Bounds(messages=1))
    topic.open.clear()
    topic.refused["1"] = KafkaError()
    found.put("r", "1")
    await until(topic, 1)
    found.forget("r")
    found.put("r", "2")
    topic.open.set()
    await settled(found)
    assert (topic.accepted, topic.tries, found.full) == (["2"], ["1", "2"], False)


async def test_a_stop_waits_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """What can be sent is; the rest is given up."""
    topic = Topic()
    found, *_ = made(topic)
    await found.stop(60.0)
    found.put("a", "1")
    await found.stop(60.0)
    assert (topic.accepted, caplog.text) == (["1"], "")
    topic.refused["2"] = KafkaError()
    found.put("a", "2")
    await found.stop(0.01)
    assert "gate-status has not accepted 1 messages" in caplog.text
