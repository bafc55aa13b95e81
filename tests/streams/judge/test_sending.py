"""What the judge sends: each topic by itself, and what a snapshot has to wait for."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from gates.decisions import Command, Decision
from streams.judge.outputs import FreezesStatus, RolloutStatus
from streams.judge.publishing import Publisher
from streams.judge.sending import FREEZES_KEY, Sender
from streams.runtime import outbox
from streams.runtime.health import Health
from streams.runtime.settings import Settings
from tests.streams.judge.test_published import decision
from tools.topics_page import examples


class Broker:
    """What it has accepted, by topic; it refuses what is for the topics in `refused`."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.accepted: dict[str, list[dict[str, Any]]] = {}

    async def send_and_wait(self, topic: str, value: bytes, *, key: bytes | None, headers: Any = ()) -> None:
        """Accept a message."""
        await asyncio.sleep(0)
        if topic in self.refused:
            raise MessageSizeTooLargeError
        self.accepted.setdefault(topic, []).append(json.loads(value))

    async def stop(self) -> None:
        """Never end: the broker does not answer."""
        await asyncio.Event().wait()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker that accepts all."""
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr("streams.judge.sending.LAST_SECONDS", 0.01)
    monkeypatch.setattr("streams.runtime.letter_box.LAST_SECONDS", 0.01)
    return Broker()


def a_sender(broker: Broker, health: Health) -> Sender:
    """Return a sender that has connected to it."""
    sender: Any = Sender(Settings(), health.pulse("judge"))
    sender._urgent = sender._producer = sender.letters._producer = broker
    found: Sender = sender
    return found


async def settled(sender: Sender, partition: int = 0) -> None:
    """Wait until all decisions and commands are accepted."""
    async with asyncio.timeout(60):
        while not await sender.settle(partition, 60.0):
            await asyncio.sleep(0)


@pytest.mark.parametrize("refusing", ["gate-decisions", "rollback-commands"])
async def test_one_topic_that_refuses_keeps_back_no_other(broker: Broker, refusing: str) -> None:
    """The rest is sent; snapshots of that journal partition wait, those of others do not; later it has all of it."""
    health = Health()
    sender = a_sender(broker, health)
    broker.refused.add(refusing)
    orders: list[Decision] = [decision(1), decision(2, offset=8)]
    for order in orders:
        sender.put_order(order)
        sender.put_order(Command(order, order.sequence, 9))
    sender.put_status("r", {"phase": "rolled_back"})
    sender.put_freezes(FreezesStatus(0, {"freezes": []}))
    assert not await sender.settle(0, 60.0)
    assert await sender.settle(1, 60.0)
    assert not sender.full
    assert health.alive() == (False, {"judge": f"{refusing} does not accept messages (MessageSizeTooLargeError)"})
    assert (len(broker.accepted["gate-status"]), refusing in broker.accepted) == (2, False)
    broker.refused.clear()
    await settled(sender)
    assert [each["sequence"] for each in broker.accepted["gate-decisions"]] == [1, 2]
    assert [each["deadline"] for each in broker.accepted["rollback-commands"]][-1:] == [2]
    assert health.alive()[0]


async def test_a_partition_of_the_decisions_without_a_leader(broker: Broker) -> None:
    """Only the rollouts whose decisions go there wait for it."""
    sender, waits = a_sender(broker, Health()), asyncio.Event()
    accept = broker.send_and_wait

    async def send(topic: str, value: bytes, *, key: bytes | None, headers: Any = ()) -> None:
        if key == b"there":
            await waits.wait()
        await accept(topic, value, key=key, headers=headers)

    broker.send_and_wait = send  # type: ignore[method-assign]
    for sequence in range(1, 4):
        for rollout in ("there", "here"):
            sender.put_order(replace(decision(sequence), rollout=rollout))
    async with asyncio.timeout(60):
        while len(broker.accepted.get("gate-decisions", [])) < 3:
            await asyncio.sleep(0)
    assert {each["rollout"] for each in broker.accepted["gate-decisions"]} == {"here"}
    waits.set()
    await settled(sender)
    there = [each["sequence"] for each in broker.accepted["gate-decisions"] if each["rollout"] == "there"]
    assert there == [1, 2, 3]


async def test_another_judge_publishes_what_was_not_accepted(broker: Broker) -> None:
    """Of a partition that moves nothing is sent any more, nor of a rollout that is set aside a status."""
    health = Health()
    sender = a_sender(broker, health)
    broker.refused |= {"gate-decisions", "gate-status"}
    order = replace(decision(1), rollout="r")
    sender.put_order(order)
    sender.put_status("r", {"phase": "baking"})
    sender.put_freezes(FreezesStatus(0, {"freezes": []}))
    sender.put_status("aside", {"phase": "baking"})
    assert not await sender.settle(0, 60.0)
    sender.forget_status("aside")
    sender.release(0, ["r"])
    for _ in range(10):  # what is on its way may still arrive
        await asyncio.sleep(0)
    broker.refused.clear()
    assert await sender.settle(0, 60.0)
    await sender.stop()
    assert (broker.accepted, health.alive()[0]) == ({}, True)
    assert FREEZES_KEY.startswith(b"\0")


async def test_an_output_that_cannot_be_written_keeps_back_no_other(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a fault of ours, and it would fail each time."""
    sender = a_sender(broker, Health())
    publisher = Publisher(sender, {})
    bad: Any = {"weights": object()}
    publisher.publish(replace(decision(1), weights=bad))
    publisher.publish(decision(2))
    await settled(sender)
    assert [each["sequence"] for each in broker.accepted["gate-decisions"]] == [2]
    assert "this output cannot be published" in caplog.text


async def test_a_status_has_its_usual_age(broker: Broker) -> None:
    """So that a reader distinguishes an outage from waiting for late events, whatever the settings are."""
    sender = a_sender(broker, Health())
    publisher = Publisher(sender, {"out_of_orderness_ms": 3_000, "idle_timeout_ms": 6_000, "max_future_ms": 1})
    publisher.publish(RolloutStatus(examples.ROLLOUT, dict(examples.status())))
    publisher.publish_statuses()
    async with asyncio.timeout(60):
        while "gate-status" not in broker.accepted:
            await asyncio.sleep(0)
    assert broker.accepted["gate-status"][0]["usual_age_ms"] == 9_000
