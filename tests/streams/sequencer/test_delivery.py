"""A record is sent until Kafka has accepted it, and health shows what does not accept it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError

from streams.runtime.health import Health, Pulse
from streams.runtime.settings import Settings
from streams.sequencer import clock, delivery
from streams.sequencer.clock import JournalClock
from streams.sequencer.delivery import Delivery
from streams.worker.app import build


async def test_it_tries_again_until_kafka_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the sending or the acknowledgement fails."""
    monkeypatch.setattr(delivery, "RETRY_SECONDS", 0.0)
    tries: list[str] = []

    async def send() -> asyncio.Future[None]:
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tries.append("")
        if len(tries) == 1:
            raise ProducerSendError("not connected")
        if len(tries) == 2:
            acknowledged.set_exception(KafkaError())
        else:
            acknowledged.set_result(None)
        return acknowledged

    await Delivery(Pulse("sequencer")).send("gate-journal", send)
    assert len(tries) == 3


async def test_other_errors_are_bugs_and_are_raised() -> None:
    """They would repeat forever."""

    async def send() -> asyncio.Future[None]:
        raise TypeError("not bytes")

    with pytest.raises(TypeError):
        await Delivery(Pulse("sequencer")).send("gate-journal", send)


async def until(wanted: Any) -> None:
    """Wait for it."""
    async with asyncio.timeout(5):
        while not wanted():
            await asyncio.sleep(0)


@pytest.mark.parametrize("refuses", [True, False])
async def test_health_names_the_topic(monkeypatch: pytest.MonkeyPatch, *, refuses: bool) -> None:
    """Whether it refuses a record or does not answer; no longer, once it accepts one."""
    monkeypatch.setattr(delivery, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(delivery, "SLOW_SECONDS", 0.0)
    pulse, open_again = Pulse("sequencer"), asyncio.Event()

    async def send() -> asyncio.Future[None]:
        if refuses and not open_again.is_set():
            await asyncio.sleep(0)
            raise MessageSizeTooLargeError
        await open_again.wait()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    sending = asyncio.create_task(Delivery(pulse).send("dead-letters", send))
    await until(lambda: pulse.troubles)
    why = "MessageSizeTooLargeError" if refuses else "it does not answer"
    await until(lambda: pulse.troubles == f"dead-letters does not accept messages ({why})")
    open_again.set()
    await sending
    assert not pulse.troubles


class _Producer:
    """Partition 1 does not answer, and 2 refuses, until `open`."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def send_and_wait(self, topic: str, record: bytes, partition: int) -> Any:
        """The broker's answer."""
        if partition == 2 and not self.open.is_set():
            raise KafkaError
        await self.open.wait()
        return SimpleNamespace(timestamp=0, timestamp_type=0)


async def test_the_clock_names_a_partition_of_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker with the role sequencer alone has nothing else that writes to each partition."""
    monkeypatch.setattr(clock, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(clock, "CLOCK_SECONDS", 0.01)
    health = Health()
    kept = JournalClock(Settings(), health, build(Settings()), {})
    kept._producer = producer = _Producer()
    assert not await kept._write_to_each({1, 2}, b"")
    assert health.pulse("sequencer").topics == {
        "gate-journal partition 1": "gate-journal partition 1 does not accept messages (it does not answer)",
        "gate-journal partition 2": "gate-journal partition 2 does not accept messages (KafkaError)",
    }
    producer.open.set()
    await asyncio.sleep(0)
    assert await kept._write_to_each({1, 2}, b"")
    assert not health.pulse("sequencer").troubles
