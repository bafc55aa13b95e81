"""The sequencer sends a record until Kafka has accepted it."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from streams.sequencer import agents
from streams.sequencer.agents import send_until_accepted


async def test_it_tries_again_until_kafka_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the sending or the acknowledgement fails."""
    monkeypatch.setattr(agents, "RETRY_SECONDS", 0.0)
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

    await send_until_accepted(send)
    assert len(tries) == 3


async def test_other_errors_are_bugs_and_are_raised() -> None:
    """They would repeat forever."""

    async def send() -> asyncio.Future[None]:
        raise TypeError("not bytes")

    with pytest.raises(TypeError):
        await send_until_accepted(send)
