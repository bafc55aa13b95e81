"""The sequencer sends a record until Kafka has accepted it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from connectors.dead_letters import DeadLetter
from streams.journal import Ack
from streams.runtime.settings import Settings
from streams.sequencer import agents
from streams.sequencer.agents import Sequencer, send_until_accepted
from streams.worker.app import build


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


async def test_a_message_that_fails_in_any_way_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception would end the agent, and with it the worker, at every start again."""

    def fail(*_: object) -> None:
        raise OverflowError("an integer is outside the range")

    monkeypatch.setattr(agents, "read_message", fail)
    letters: list[DeadLetter] = []

    async def settle() -> bool:
        return False  # it is not waited for

    box: Any = SimpleNamespace(put=letters.extend, settle=settle)
    sequencer = Sequencer(build(Settings()), Settings(), box)
    message = SimpleNamespace(topic="command-acks", partition=0, offset=7, key=b"r", headers={})
    await sequencer.handle(Ack, SimpleNamespace(message=message, value=b"junk"))
    (letter,) = letters
    assert (letter.reason, letter.offset, letter.value) == ("failed", 7, b"junk")
    assert "OverflowError" in letter.detail
