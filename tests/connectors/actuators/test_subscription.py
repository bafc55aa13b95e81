"""The subscription over real brokers: what is wanted now, then each change, each answered."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from connectors.actuators import Actuator, FileActuator, Wanted, dispatcher, run, subscription
from connectors.kafka.clients import KafkaSettings
from gates.decisions import Action
from streams.demo.embedded_broker import EmbeddedBroker, free_port
from tests.brokers import MavenKafka
from tests.connectors.actuators.contract import NOW, Failing, commanded, decided
from tests.connectors.actuators.gate_topics import (
    PATIENCE_S,
    acks,
    create,
    grow,
    outcomes,
    publish,
    remake,
    settings_of,
)


class Recording:
    """Remembers what it was asked; `hangs` are ids whose apply never ends."""

    name = "recording"

    def __init__(self, *hangs: str) -> None:
        self.asked: list[str] = []
        self._hangs = hangs

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Do nothing, or take forever."""
        self.asked.append(wanted.id)
        if wanted.id in self._hangs:
            await asyncio.sleep(600.0)
        return wanted.weights


@contextlib.asynccontextmanager
async def running(
    actuator: Actuator, settings: KafkaSettings, rollouts: list[str] | None = None
) -> AsyncIterator[None]:
    """Run it, and stop it as it should be stopped."""
    stop = asyncio.Event()
    task = asyncio.create_task(run(actuator, settings, rollouts=rollouts, stop=stop, clock=lambda: NOW))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)


@pytest.fixture
async def settings(broker: str) -> KafkaSettings:
    """Topics of the test's own."""
    settings = settings_of(broker)
    await create(settings)
    return settings


async def test_first_the_newest_then_each_change(settings: KafkaSettings) -> None:
    """Of the past only each rollout's newest is applied; then whatever comes, nonsense skipped."""
    history = [decided(n, n) for n in range(1, 30)] + [decided(n, n, rollout="other") for n in (1, 2)]
    await publish(settings, *history)
    actuator = Recording()
    async with running(actuator, settings):
        await acks(settings, 2)
        assert sorted(actuator.asked) == ["checkout-v2:1:29", "other:1:2"]
        await publish(settings, b"{nonsense", decided(30, 50), decided(1, 7, rollout="third"))
        found = outcomes(await acks(settings, 4))
    assert sorted(found) == [
        ("checkout-v2:1:29", "applied", 29),
        ("checkout-v2:1:30", "applied", 50),
        ("other:1:2", "applied", 2),
        ("third:1:1", "applied", 7),
    ]


async def test_the_urgent_path_and_the_decision_are_one(settings: KafkaSettings) -> None:
    """A rollback comes twice, as decision and as command: applied once, acked for both; what is older is rejected."""
    actuator = Recording()
    async with running(actuator, settings):
        await publish(settings, decided(1, 10))
        await acks(settings, 1)
        rollback = decided(2, 0, action=Action.ROLLBACK)
        await publish(settings, commanded(2, expires_at=NOW + 1))
        await acks(settings, 2)
        await publish(settings, rollback)
        await acks(settings, 3)
        await publish(settings, decided(1, 10))
        found = outcomes(await acks(settings, 4))
    assert actuator.asked == ["checkout-v2:1:1", "checkout-v2:1:2"]
    assert found == [
        ("checkout-v2:1:1", "applied", 10),
        ("checkout-v2:1:2", "applied", 0),
        ("checkout-v2:1:2", "applied", 0),
        ("checkout-v2:1:1", "rejected", 0),
    ]
    await counted(settings.topics.decisions, "stale", 1)


async def test_an_expired_command_after_an_absence(settings: KafkaSettings) -> None:
    """A command that expired meanwhile is acked as expired; its decision, which never expires, is carried out."""
    await publish(settings, commanded(3, expires_at=NOW - 1))
    await publish(settings, decided(2, 0, rollout="other", action=Action.ROLLBACK))
    await publish(settings, commanded(2, expires_at=NOW - 1, rollout="other"))
    async with running(Recording(), settings):
        found = outcomes(await acks(settings, 2))
    assert sorted(found) == [("checkout-v2:1:3", "expired", None), ("other:1:2", "applied", 0)]
    await counted(settings.topics.commands, "expired", 1)


async def test_a_failed_order_is_tried_when_it_comes_again(settings: KafkaSettings) -> None:
    """As the gate does when no ack is `applied`."""
    async with running(Failing(Recording(), 1), settings):
        await publish(settings, decided(1, 10))
        await acks(settings, 1)
        await publish(settings, decided(1, 10))
        found = await acks(settings, 2)
    assert outcomes(found) == [("checkout-v2:1:1", "failed", None), ("checkout-v2:1:1", "applied", 10)]
    assert found[0].reason == "ConnectionError: no route to the router"


async def test_only_the_rollouts_named(settings: KafkaSettings) -> None:
    """Others are neither applied nor acked, in the past or later."""
    await publish(settings, decided(1, 1, rollout="other"))
    actuator = Recording()
    async with running(actuator, settings, rollouts=["mine"]):
        await publish(settings, decided(2, 2, rollout="other"), decided(1, 3, rollout="mine"))
        assert outcomes(await acks(settings, 1)) == [("mine:1:1", "applied", 3)]
    assert actuator.asked == ["mine:1:1"]


async def test_what_hangs_holds_nothing_up(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not another rollout, and not the rollback of its own; and it does not keep the actuator from stopping."""
    monkeypatch.setattr(dispatcher, "GRACE_S", 0.5)
    async with running(Recording("checkout-v2:1:1", "third:1:1"), settings):
        await publish(settings, decided(1, 10), decided(1, 10, rollout="third"), decided(1, 5, rollout="other"))
        assert outcomes(await acks(settings, 1)) == [("other:1:1", "applied", 5)]
        await publish(settings, commanded(2, expires_at=NOW))
        found = [ack for ack in await acks(settings, 3) if ack.rollout == "checkout-v2"]
        assert outcomes(found) == [("checkout-v2:1:1", "failed", None), ("checkout-v2:1:2", "applied", 0)]


async def test_an_order_waits_for_no_poll(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order is carried out as it arrives, however rarely the actuator does its periodic work."""
    monkeypatch.setattr(subscription, "POLL_MS", 3_600_000)
    async with running(Recording(), settings):
        await publish(settings, decided(1, 10))
        await acks(settings, 1)
        await publish(settings, commanded(2, expires_at=NOW))
        await acks(settings, 2)


async def test_few_orders_wait_while_one_is_applied(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come meanwhile, the newest is applied next; the oldest are dropped."""
    monkeypatch.setattr(dispatcher, "MOST_WAITING", 3)
    actuator = Recording("checkout-v2:1:1")
    async with running(actuator, settings):
        await publish(settings, decided(1, 10))
        async with asyncio.timeout(PATIENCE_S):
            while not actuator.asked:
                await asyncio.sleep(0.05)
        later = [decided(sequence, 10) for sequence in range(2, 20)]
        await publish(settings, *later, decided(20, 0, action=Action.ROLLBACK))
        found = await acks(settings, 4)
        await asyncio.sleep(0.5)
        found = await acks(settings, 4)
    assert outcomes(found)[:2] == [("checkout-v2:1:1", "failed", None), ("checkout-v2:1:20", "applied", 0.0)]
    assert [ack.sequence for ack in found] == [1, 20, 19, 18]
    assert actuator.asked == ["checkout-v2:1:1", "checkout-v2:1:20"]


async def test_a_restart_goes_on_where_the_file_is(settings: KafkaSettings, tmp_path: Path) -> None:
    """The newest is applied again, which is harmless; nothing is lost in between."""
    await publish(settings, decided(1, 10))
    for sequence, expected in ((1, 1), (2, 2)):
        async with running(FileActuator(tmp_path / "weights.json"), settings):
            await acks(settings, expected)
        assert FileActuator(tmp_path / "weights.json").last_applied() == {"checkout-v2": (1, sequence)}
        await publish(settings, decided(sequence + 1, 20))
    assert outcomes(await acks(settings, 2)) == [("checkout-v2:1:1", "applied", 10), ("checkout-v2:1:2", "applied", 20)]


async def test_it_waits_for_broker_and_topics(caplog: pytest.LogCaptureFixture) -> None:
    """Broker and topics may be missing at the start; the log names what is missing."""
    caplog.set_level(logging.WARNING, "connectors.actuators.subscription")
    port = free_port()
    settings = settings_of(f"127.0.0.1:{port}")
    async with running(Recording(), settings):
        await _logged(caplog, "trying again in 0.5 s")
        with EmbeddedBroker(port):
            await _logged(caplog, f"no such topic at {settings.bootstrap}")
            await create(settings)
            await publish(settings, decided(1, 10))
            assert outcomes(await acks(settings, 1)) == [("checkout-v2:1:1", "applied", 10)]


@pytest.mark.kafka
async def test_it_survives_the_broker(own_kafka: MavenKafka) -> None:
    """The broker is killed and comes back: no order is applied twice, none is missed."""
    settings = settings_of(own_kafka.bootstrap)
    await create(settings)
    actuator = Recording()
    async with running(actuator, settings):
        await publish(settings, decided(1, 10))
        await acks(settings, 1)
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(own_kafka.restart)
        await publish(settings, decided(2, 20))
        assert outcomes(await acks(settings, 2))[1:] == [("checkout-v2:1:2", "applied", 20)]
    assert actuator.asked == ["checkout-v2:1:1", "checkout-v2:1:2"]


class Beats:
    """A pulse that counts."""

    def __init__(self) -> None:
        self.ready = False
        self.trouble = self.unapplied = ""
        self.count = 0

    def beat(self) -> None:
        """Count."""
        self.count += 1


async def test_its_pulse(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready once subscribed; a beat with each answer; a partition that is not answered is named, and stops no other."""
    pulse, stop = Beats(), asyncio.Event()
    task = asyncio.create_task(run(Recording(), settings, stop=stop, pulse=pulse))
    async with asyncio.timeout(PATIENCE_S):
        while not (pulse.ready and pulse.count > 1):
            await asyncio.sleep(0.05)
        assert pulse.trouble == ""
        late = {TopicPartition(settings.topics.decisions, 1)}
        monkeypatch.setattr(subscription, "unanswered", lambda *_: late)
        before = pulse.count
        while pulse.trouble != f"Kafka does not answer for {settings.topics.decisions}[1]" or pulse.count == before:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.wait_for(task, PATIENCE_S)


@pytest.mark.parametrize("kind", ["file", "any"])
async def test_a_failed_order_is_tried_again_by_itself(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """Health names it meanwhile; the gate sends it once."""
    monkeypatch.setattr(subscription, "CHECK_S", 0.05)
    path = tmp_path / "folder" / "weights.json"
    path.parent.mkdir()
    actuator: Actuator = FileActuator(path, "one") if kind == "file" else Failing(Recording(), 20)
    path.parent.rmdir()
    pulse, stop = Beats(), asyncio.Event()
    task = asyncio.create_task(run(actuator, settings, stop=stop, clock=lambda: NOW, pulse=pulse))
    await publish(settings, decided(1, 0, action=Action.ROLLBACK))
    assert outcomes(await acks(settings, 1)) == [("checkout-v2:1:1", "failed", None)]
    async with asyncio.timeout(PATIENCE_S):
        while "checkout-v2:1:1 is not applied: " not in pulse.unapplied:
            await asyncio.sleep(0.05)
        path.parent.mkdir()
        assert outcomes(await acks(settings, 2))[1:] == [("checkout-v2:1:1", "applied", 0)]
        while pulse.unapplied:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.wait_for(task, PATIENCE_S)


async def test_silence_makes_it_begin_again(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no partition is answered, with new clients, and orders are carried out as before."""
    await publish(settings, decided(1, 10))
    monkeypatch.setattr(subscription, "POLL_MS", 10)
    async with running(Recording(), settings):
        await acks(settings, 1)
        with pytest.MonkeyPatch.context() as silent:
            silent.setattr(subscription, "unanswered", lambda source, _: set(source.assignment()))
            await _logged(caplog, "no broker answers any more; trying again in 0.5 s")
        await publish(settings, decided(2, 20))
        async with asyncio.timeout(PATIENCE_S):
            while ("checkout-v2:1:2", "applied", 20) not in outcomes(await acks(settings, 1)):
                await asyncio.sleep(0.05)


async def test_topics_that_are_missing_are_no_silence(broker: str) -> None:
    """Kafka answers, so the pulse beats; it is not ready, and health names the trouble at once."""
    pulse, stop = Beats(), asyncio.Event()
    task = asyncio.create_task(run(Recording(), settings_of(broker), stop=stop, pulse=pulse))
    async with asyncio.timeout(PATIENCE_S):
        while not (pulse.count and pulse.trouble):
            await asyncio.sleep(0.05)
    assert (pulse.ready, pulse.trouble) == (False, "no orders are read: TopicsMissingError")
    stop.set()
    await asyncio.wait_for(task, PATIENCE_S)


async def test_weights_edited_by_hand(settings: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked at while nothing is ordered; the ack shows what happened, and the file is as ordered."""
    monkeypatch.setattr(subscription, "CHECK_S", 0.05)
    monkeypatch.setattr(subscription, "POLL_MS", 10)
    path = tmp_path / "weights.json"
    await publish(settings, decided(1, 10))
    async with running(FileActuator(path), settings):
        await acks(settings, 1)
        ordered = path.read_text()
        path.write_text(ordered.replace("10.0", "60.0"))
        found = (await acks(settings, 2))[-1]
    assert (found.status, found.weights) == ("applied", {"stable": 90, "canary": 10})
    assert found.reason.startswith("applied again: the weights in force were changed to canary 60%")
    assert path.read_text() == ordered


async def test_a_bug_is_not_hidden(settings: KafkaSettings) -> None:
    """What is not the actuator's failure ends the run with its exception."""

    def broken() -> int:
        raise ZeroDivisionError

    await publish(settings, decided(1, 10))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(run(Recording(), settings, clock=broken), PATIENCE_S)


async def counted(topic: str, reason: str, number: int) -> None:
    """Wait until this many orders of a topic were refused for this reason."""
    labels = {"topic": topic, "reason": reason}
    async with asyncio.timeout(PATIENCE_S):
        while REGISTRY.get_sample_value("sluicegate_actuator_refused_orders_total", labels) != number:
            await asyncio.sleep(0.05)


async def _logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while text not in caplog.text:
            await asyncio.sleep(0.05)


async def test_a_topic_that_is_made_again(settings: KafkaSettings) -> None:
    """Its orders count, also at offsets that were read in the topic before."""
    await publish(settings, decided(1, 10))
    actuator = Recording()
    async with running(actuator, settings):
        await acks(settings, 1)
        await remake(settings, settings.topics.decisions)
        await publish(settings, decided(2, 0, action=Action.ROLLBACK))
        await acks(settings, 2)
    assert actuator.asked == ["checkout-v2:1:1", "checkout-v2:1:2"]


@pytest.mark.kafka
@pytest.mark.parametrize("topic", ["decisions", "commands"])
async def test_partitions_that_are_added(kafka_broker: str, topic: str) -> None:
    """An order that was written to a new one, before it was found, is carried out soon."""
    settings = settings_of(kafka_broker)
    await create(settings)
    await publish(settings, decided(1, 5))
    actuator = Recording()
    async with running(actuator, settings):
        await acks(settings, 1)
        await grow(settings, getattr(settings.topics, topic), 5)
        urgent = commanded(2, expires_at=NOW + 60_000)
        order = urgent if topic == "commands" else decided(2, 0, action=Action.ROLLBACK)
        await publish(settings, order, partition=4)
        await acks(settings, 2)
    assert actuator.asked == ["checkout-v2:1:1", "checkout-v2:1:2"]
