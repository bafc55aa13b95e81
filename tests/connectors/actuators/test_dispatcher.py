"""The dispatcher: one order of a rollout at a time, the newest first, an ack for each, and a stop that waits."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from connectors.actuators import Wanted
from connectors.actuators.dispatcher import MOST_WAITING, Dispatcher, rank
from connectors.actuators.executor import Executor
from connectors.actuators.wanted import decode
from connectors.kafka.topics import TopicNames
from gates.decisions import Action
from tests.connectors.actuators.contract import NOW, commanded, decided


class Slow:
    """An actuator that applies an order only once `go` is set; `began` has the orders in their order."""

    name = "slow"

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.began: list[str] = []

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Wait, and observe what was ordered."""
        self.began.append(wanted.id)
        await self.go.wait()
        return wanted.weights


class Acks:
    """A producer that keeps what it is sent: topic, key, headers and (order, status)."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[tuple[str, bytes, Any]] = []
        self.outcomes: list[tuple[str, str]] = []
        self._error = error

    async def send_and_wait(self, topic: str, value: bytes, *, key: bytes, headers: Any) -> None:
        """Keep it, or fail."""
        if self._error is not None:
            raise self._error
        ack = json.loads(value)
        self.sent.append((topic, key, headers))
        self.outcomes.append((ack["id"], ack["status"]))


def dispatcher(actuator: Slow, sink: Any) -> Dispatcher:
    """A dispatcher that signs with one fixed header."""
    return Dispatcher(Executor(actuator, lambda: NOW), sink, TopicNames("p."), lambda _: [("signed", b"yes")])


async def settled() -> None:
    """Let every task run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_newer_orders_rank_higher_and_a_decision_above_its_command() -> None:
    """The decision does not expire, so of the two it is the one to carry out."""
    older, newer = decode(decided(1, 10)), decode(decided(2, 0, action=Action.ROLLBACK))
    command, next_epoch = decode(commanded(2, expires_at=NOW)), decode(decided(1, 5, epoch=2))
    assert sorted([next_epoch, newer, command, older], key=rank) == [older, command, newer, next_epoch]


async def test_the_newest_that_waits_comes_next_and_the_rest_are_stale() -> None:
    """Orders arrive while one is applied: only the newest of them reaches the actuator, and each gets an ack."""
    actuator, sink = Slow(), Acks()
    async with dispatcher(actuator, sink) as orders:
        for sequence in (1, 2, 4, 3):
            orders.dispatch(decode(decided(sequence, 10)))
            await settled()
        assert actuator.began == ["checkout-v2:1:1"]
        actuator.go.set()
        await settled()
    assert actuator.began == ["checkout-v2:1:1", "checkout-v2:1:4"]
    assert sink.outcomes == [
        ("checkout-v2:1:1", "applied"),
        ("checkout-v2:1:4", "applied"),
        ("checkout-v2:1:3", "rejected"),
        ("checkout-v2:1:2", "rejected"),
    ]
    assert set(map(repr, sink.sent)) == {repr(("p.command-acks", b"checkout-v2", [("signed", b"yes")]))}


async def test_rollouts_do_not_wait_for_each_other() -> None:
    """Each rollout has a queue of its own."""
    actuator = Slow()
    async with dispatcher(actuator, Acks()) as orders:
        for rollout in ("one", "two"):
            orders.dispatch(decode(decided(1, 10, rollout=rollout)))
        await settled()
        assert sorted(actuator.began) == ["one:1:1", "two:1:1"]
        actuator.go.set()


async def test_a_rollback_does_not_wait_for_an_apply_that_hangs() -> None:
    """The apply is cancelled, and its order has failed."""
    actuator, sink = Slow(), Acks()
    async with dispatcher(actuator, sink) as orders:
        orders.dispatch(decode(decided(1, 10)))
        await settled()
        orders.dispatch(decode(decided(2, 0, action=Action.ROLLBACK)))
        async with asyncio.timeout(60):
            while len(actuator.began) < 2:
                await asyncio.sleep(0)
        actuator.go.set()
    assert sink.outcomes == [("checkout-v2:1:1", "failed"), ("checkout-v2:1:2", "applied")]


async def test_weights_are_looked_at_where_nothing_else_is_to_do() -> None:
    """A deviation is acked; a rollout that is busy is left out; an order that arrives meanwhile comes after."""

    class Reset(Slow):
        async def observe(self, wanted: Wanted) -> Mapping[str, float]:
            """Nothing is in force."""
            return {}

    actuator, sink = Reset(), Acks()
    async with dispatcher(actuator, sink) as orders:
        orders.dispatch(decode(decided(1, 10)))
        await settled()
        orders.check()
        actuator.go.set()
        await settled()
        actuator.go.clear()
        orders.check()
        orders.check()
        await settled()
        orders.dispatch(decode(decided(2, 20)))
        actuator.go.set()
        await settled()
    assert actuator.began == ["checkout-v2:1:1", "checkout-v2:1:1", "checkout-v2:1:2"]
    assert sink.outcomes == [(identity, "applied") for identity in actuator.began]


async def test_the_queue_is_bounded() -> None:
    """Beyond the bound the oldest order is dropped: a newer one replaces it anyway."""
    actuator, sink = Slow(), Acks()
    async with dispatcher(actuator, sink) as orders:
        orders.dispatch(decode(decided(1, 10)))
        await settled()
        for sequence in range(2, MOST_WAITING + 4):
            orders.dispatch(decode(decided(sequence, 10)))
        actuator.go.set()
        await settled()
    answered = {identity for identity, _ in sink.outcomes}
    assert len(answered) == MOST_WAITING + 1
    assert not answered & {"checkout-v2:1:2", "checkout-v2:1:3"}


async def test_an_ack_that_cannot_be_sent_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The gate orders it again, so nothing is lost, and the next order is carried out."""
    actuator = Slow()
    actuator.go.set()
    with caplog.at_level(logging.WARNING):
        async with dispatcher(actuator, Acks(KafkaConnectionError("no broker"))) as orders:
            for sequence in (1, 2):
                orders.dispatch(decode(decided(sequence, 10)))
                await settled()
            orders.raise_bugs()
    assert actuator.began == ["checkout-v2:1:1", "checkout-v2:1:2"]
    assert "cannot send the ack of checkout-v2:1:1" in caplog.text


async def test_bugs_are_raised() -> None:
    """Only a bug ends a task with an exception, and it must not be lost."""
    actuator = Slow()
    actuator.go.set()
    orders = dispatcher(actuator, Acks(ZeroDivisionError("a bug")))
    orders.dispatch(decode(decided(1, 10)))
    await settled()
    with pytest.raises(ZeroDivisionError):
        orders.raise_bugs()
    orders.raise_bugs()  # each once
    await orders.__aexit__()


async def test_a_stop_waits_for_the_apply_but_not_for_the_queue() -> None:
    """What is being applied ends and is acked; what only waits is left to the next start."""
    actuator, sink = Slow(), Acks()
    async with dispatcher(actuator, sink) as orders:
        for sequence in (1, 2):
            orders.dispatch(decode(decided(sequence, 10)))
            await settled()
        asyncio.get_running_loop().call_later(0.05, actuator.go.set)
    assert sink.outcomes == [("checkout-v2:1:1", "applied")]


async def test_a_stop_cancels_what_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the grace period."""
    monkeypatch.setattr("connectors.actuators.dispatcher.GRACE_S", 0.01)
    actuator, sink = Slow(), Acks()
    async with asyncio.timeout(60):
        async with dispatcher(actuator, sink) as orders:
            orders.dispatch(decode(decided(1, 10)))
            await settled()
    assert sink.outcomes == []
