"""The sequencer sends a record until Kafka has accepted it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from streams.journal import Ack, encode
from streams.runtime.settings import Settings
from streams.sequencer import agents, chains
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


async def no_identity(*_: object) -> str:
    """Return the identity of a topic whose broker has no ids."""
    return ""


async def test_a_message_that_fails_in_any_way_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception would end the agent, and with it the worker, at every start again."""

    def fail(*_: object) -> None:
        raise OverflowError("an integer is outside the range")

    monkeypatch.setattr(agents, "read_message", fail)
    sequencer: Any = Sequencer(build(Settings()), Settings(), cast("Any", SimpleNamespace(identity=no_identity)))
    sent: list[dict[str, Any]] = []

    async def send(**options: Any) -> asyncio.Future[None]:
        sent.append(options)
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(None)
        return acknowledged

    sequencer._dead_letters = SimpleNamespace(send=send)
    message = SimpleNamespace(topic="command-acks", partition=0, offset=7, key=b"r", headers={})
    await sequencer.handle(Ack, SimpleNamespace(message=message, value=b"junk"))
    headers = dict(sent[0]["headers"])
    assert (headers["reason"], headers["offset"], sent[0]["value"]) == (b"failed", b"7", b"junk")
    assert b"OverflowError" in headers["detail"]


async def test_a_message_is_acknowledged_once_it_is_journaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that Kafka does not accept yet stops no other rollout's, and no error of ours is taken for acceptance."""
    monkeypatch.setattr(chains, "WAIT_S", 0.02)
    sequencer: Any = Sequencer(build(Settings()), Settings(), cast("Any", SimpleNamespace(identity=no_identity)))
    accepted = {b"stuck": asyncio.Event(), b"other": asyncio.Event(), b"fails": asyncio.Event()}
    accepted[b"other"].set()

    async def send(*, key: bytes, **_: Any) -> asyncio.Task[None]:
        async def acknowledged() -> None:
            await accepted[key].wait()
            if key == b"fails":
                raise TypeError("a fault of ours")

        return asyncio.create_task(acknowledged())

    sequencer._journal = SimpleNamespace(send=send)
    acks: list[bytes] = []

    def event(name: bytes, offset: int) -> Any:
        message = SimpleNamespace(topic="command-acks", partition=0, offset=offset, key=name, headers={})
        rollout = name.decode()
        ack = Ack(id="", rollout=rollout, epoch=1, sequence=1, actuator="a", status="applied", weights={}, at=5)
        return SimpleNamespace(message=message, value=encode(ack), ack=lambda: acks.append(name))

    for offset, name in enumerate((b"stuck", b"fails", b"other")):
        await sequencer.take(Ack, event(name, offset))
    assert (acks, sequencer.waiting["command-acks", 0]) == ([b"other"], 2)
    for each in accepted.values():
        each.set()
    async with asyncio.timeout(10):
        while sequencer._finishing:
            await asyncio.sleep(0.01)
    assert (acks, sequencer.waiting["command-acks", 0]) == ([b"other", b"stuck"], 0)
    with pytest.raises(TypeError):
        await sequencer.take(Ack, event(b"fails", 3))
