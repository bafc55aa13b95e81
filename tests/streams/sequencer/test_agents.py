"""The sequencer handles each message, whatever it is, and one that takes long holds up no other rollout."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streams.journal import Ack, Control, encode
from streams.runtime.health import Pulse
from streams.runtime.log_limit import LogLimit
from streams.runtime.settings import Settings
from streams.sequencer import agents, chains
from streams.sequencer.agents import Sequencer
from streams.worker.app import build


async def no_identity(*_: object) -> str:
    """Return the identity of a topic whose broker has no ids."""
    return ""


async def test_a_message_that_fails_in_any_way_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception would end the agent, and with it the worker, at every start again."""

    def fail(*_: object) -> None:
        raise OverflowError("an integer is outside the range")

    monkeypatch.setattr(agents, "read_message", fail)
    sequencer: Any = Sequencer(
        build(Settings()), Settings(), cast("Any", SimpleNamespace(identity=no_identity)), Pulse("sequencer")
    )
    sent: list[dict[str, Any]] = []

    async def send(**options: Any) -> asyncio.Future[None]:
        sent.append(options)
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(None)
        return acknowledged

    sequencer._output = {"dead-letters": SimpleNamespace(send=send)}
    message = SimpleNamespace(topic="command-acks", partition=0, offset=7, key=b"r", headers={})
    (task,) = await sequencer.handle(Ack, SimpleNamespace(message=message, value=b"junk"))
    await task
    headers = dict(sent[0]["headers"])
    assert (headers["reason"], headers["offset"], sent[0]["value"]) == (b"failed", b"7", b"junk")
    assert b"OverflowError" in headers["detail"]


async def test_a_message_is_acknowledged_once_it_is_journaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that Kafka does not accept yet stops no other rollout's, and no error of ours is taken for acceptance."""
    monkeypatch.setattr(chains, "WAIT_S", 0.02)
    sequencer: Any = Sequencer(
        build(Settings()), Settings(), cast("Any", SimpleNamespace(identity=no_identity)), Pulse("sequencer")
    )
    accepted = {b"stuck": asyncio.Event(), b"other": asyncio.Event(), b"fails": asyncio.Event()}
    accepted[b"other"].set()

    async def send(*, key: bytes, **_: Any) -> asyncio.Task[None]:
        async def acknowledged() -> None:
            await accepted[key].wait()
            if key == b"fails":
                raise TypeError("a fault of ours")

        return asyncio.create_task(acknowledged())

    sequencer._output = {"gate-journal": SimpleNamespace(send=send)}
    acks: list[bytes] = []

    def event(name: bytes, offset: int) -> Any:
        message = SimpleNamespace(topic="command-acks", partition=0, offset=offset, key=name, headers={})
        rollout = name.decode()
        ack = Ack(id="", rollout=rollout, epoch=1, sequence=1, actuator="a", status="applied", weights={}, at=5)
        return SimpleNamespace(message=message, value=encode(ack), ack=lambda: acks.append(name))

    for offset, name in enumerate((b"stuck", b"fails", b"other")):
        await sequencer.take(Ack, event(name, offset))
    await asyncio.sleep(0.05)
    assert (acks, sequencer.waiting["command-acks", 0]) == ([b"other"], 2)
    for each in accepted.values():
        each.set()
    async with asyncio.timeout(10):
        while sequencer._finishing:
            await asyncio.sleep(0.01)
    assert (acks, sequencer.waiting["command-acks", 0]) == ([b"other", b"stuck"], 0)


def an_order(name: str) -> bytes:
    """Return a control of this rollout."""
    return encode(Control(rollout=name, control="pause", by="root", at=5))


async def test_an_order_is_journaled_before_the_next_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders have an effect in the order of their arrival, unless Kafka takes long."""
    sequencer: Any = Sequencer(
        build(Settings()), Settings(), cast("Any", SimpleNamespace(identity=no_identity)), Pulse("sequencer")
    )
    sent: list[bytes] = []

    async def send(*, key: bytes, **_: Any) -> asyncio.Task[None]:
        async def acknowledged() -> None:
            await asyncio.sleep(0.01)
            sent.append(key)
            if key == b"fails":
                raise TypeError("a fault of ours")

        return asyncio.create_task(acknowledged())

    sequencer._output = {"gate-journal": SimpleNamespace(send=send)}
    acks: list[str] = []

    def event(name: str) -> Any:
        message = SimpleNamespace(topic="rollout-controls", partition=0, offset=5, key=name.encode(), headers={})
        return SimpleNamespace(message=message, value=an_order(name), ack=lambda: acks.append(name))

    await sequencer.take(Control, event("one"))
    assert (acks, sent) == (["one"], [b"one"])
    with pytest.raises(TypeError):
        await sequencer.take(Control, event("fails"))


async def test_very_many_that_cannot_be_read_hold_up_none_that_can(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing waits for their letters, unless very many are unfinished; the log has one line a second of them."""
    monkeypatch.setattr(agents, "_refusals", LogLimit(clock=lambda: 0.0))
    sequencer: Any = Sequencer(
        build(Settings()), Settings(), cast("Any", SimpleNamespace(identity=no_identity)), Pulse("sequencer")
    )
    accepted, sent = asyncio.Event(), 0

    async def letter(**_: Any) -> asyncio.Task[Any]:
        nonlocal sent
        sent += 1
        return asyncio.create_task(accepted.wait())

    sequencer._output = {"dead-letters": SimpleNamespace(send=letter)}
    acks: list[int] = []

    def event(offset: int) -> Any:
        message = SimpleNamespace(topic="rollout-controls", partition=0, offset=offset, key=b"k", headers={})
        return SimpleNamespace(message=message, value=b"junk", ack=lambda: acks.append(offset))

    for offset in range(chains.MOST_WAITING):
        await sequencer.take(Control, event(offset))
    assert sequencer.waiting["rollout-controls", 0] > 0
    last = asyncio.create_task(sequencer.take(Control, event(chains.MOST_WAITING)))
    await asyncio.wait([last], timeout=0.05)
    assert not last.done()
    assert (len(caplog.records), sent) == (1, chains.MOST_WAITING)
    accepted.set()
    await last
    async with asyncio.timeout(10):
        while sequencer._finishing:
            await asyncio.sleep(0.01)
    assert sorted(acks) == [*range(chains.MOST_WAITING + 1)]
