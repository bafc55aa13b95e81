"""Clients whose brokers have moved: to other ports, without a word, behind addresses that swallow what is sent."""

import asyncio
import os
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from connectors.kafka import clients, rebootstrap
from connectors.kafka.clients import KafkaSettings
from connectors.kafka.private_aiokafka import connections_of
from streams.demo.embedded_broker import LOOPBACK, EmbeddedBroker, free_port

TOPIC = "moved"
PATIENCE_S = 60.0


@pytest.fixture
def old() -> Iterator[EmbeddedBroker]:
    """The broker at the address that clients know."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def new() -> Iterator[EmbeddedBroker]:
    """The broker at the new address, not started yet; it has the same node id."""
    broker = EmbeddedBroker(free_port())
    yield broker
    broker.stop()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short limits, so that silence takes no time."""
    for name in ("SILENT_S", "KNOWN_S"):
        monkeypatch.setattr(rebootstrap, name, 0.3)


def known(*brokers: EmbeddedBroker) -> KafkaSettings:
    """Settings with these in the bootstrap list."""
    return KafkaSettings(bootstrap=",".join(broker.bootstrap for broker in brokers))


async def sent(producer: AIOKafkaProducer) -> None:
    """Send a record, and wait until it is acknowledged."""
    async with asyncio.timeout(PATIENCE_S):
        await producer.send_and_wait(TOPIC, b"value", partition=0)


async def test_all_addresses_change(old: EmbeddedBroker, new: EmbeddedBroker) -> None:
    """The old address refuses connections: producer and consumer both work at the new one."""
    settings = known(old, new)
    async with clients.producer(settings) as producer, clients.consumer(settings, TOPIC) as consumer:
        await sent(producer)
        await asyncio.wait_for(consumer.getone(), PATIENCE_S)
        old.stop()
        new.start()
        await sent(producer)
        await sent(producer)  # the new broker is empty, and the consumer's next offset is 1
        assert (await asyncio.wait_for(consumer.getone(), PATIENCE_S)).value == b"value"


async def test_the_old_address_swallows_everything(old: EmbeddedBroker, new: EmbeddedBroker, hasty: None) -> None:
    """It accepts connections and never answers: what waits there is given up, and sent to the new address."""
    async with clients.producer(known(old, new)) as producer:
        await sent(producer)
        new.start()
        suspend(old)
        await sent(producer)


async def test_a_broker_that_is_slow_keeps_its_connections(old: EmbeddedBroker, hasty: None) -> None:
    """It is at the address that it had, so nothing is closed, and what waits is answered in the end."""
    async with clients.producer(known(old)) as producer:
        await sent(producer)
        before = open_connections(producer)
        suspend(old)
        sending = asyncio.create_task(sent(producer))
        await asyncio.sleep(1.5)
        assert not sending.done()
        os.kill(pid(old), signal.SIGCONT)
        await sending
        assert before & open_connections(producer) == before


async def test_nothing_answers(old: EmbeddedBroker, caplog: pytest.LogCaptureFixture) -> None:
    """The list is asked at most once a second, however often metadata is wanted."""
    async with clients.producer(known(old)) as producer:
        await sent(producer)
        asked = []
        old.stop()
        with pytest.MonkeyPatch.context() as patch:

            async def refused(*where: Any) -> None:
                asked.append(where)
                raise ConnectionRefusedError

            patch.setattr(rebootstrap, "connect_to", refused)
            for _ in range(20):
                assert not await producer.client.force_metadata_update()
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("host", "port", "resolved", "closed"),
    [
        ("broker", 9092, ["10.0.0.1", "10.0.0.2"], 0),
        ("broker", 9092, ["10.0.0.3"], 1),
        ("broker", 9092, None, 0),
        ("broker", 9093, ["10.0.0.1"], 1),
        ("other", 9092, ["10.0.0.1"], 1),
        (None, None, ["10.0.0.1"], 1),
    ],
)
async def test_which_connections_are_out_of_date(
    monkeypatch: pytest.MonkeyPatch, host: str | None, port: int | None, resolved: list[str] | None, closed: int
) -> None:
    """One whose broker has another name, port or IP address now, or is gone; not one whose name cannot be resolved."""
    broken: list[Any] = []
    connection = SimpleNamespace(host="broker", port=9092)
    monkeypatch.setattr(rebootstrap, "connections_of", lambda _: {(1, 0): (connection, "10.0.0.1")})
    monkeypatch.setattr(rebootstrap, "break_connection", broken.append)

    async def resolve(_host: str, at: int) -> list[Any]:
        if resolved is None:
            raise OSError("no name server")
        return [(None, None, None, "", (address, at)) for address in resolved]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    broker = None if host is None else SimpleNamespace(host=host, port=port)
    cluster = SimpleNamespace(broker_metadata=lambda _: broker)
    assert await rebootstrap._close_moved(SimpleNamespace(), cluster) == len(broken) == closed


async def test_what_one_client_finds_the_others_use(old: EmbeddedBroker, new: EmbeddedBroker, hasty: None) -> None:
    """One that waits for nothing notices nothing by itself, and one that is asking stops waiting."""
    settings = known(old, new)
    async with clients.producer(settings) as finds, clients.producer(settings) as idle:
        await sent(finds)
        await sent(idle)
        new.start()
        suspend(old)
        await sent(finds)
        async with asyncio.timeout(PATIENCE_S):
            while rebootstrap._addresses(idle.client) != {(LOOPBACK, new.port)}:
                await asyncio.sleep(0.05)
        await sent(idle)


async def test_a_client_whose_brokers_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for metadata, or stops waiting for known brokers; nothing, if some of those are where they were."""
    asked: list[str] = []
    brokers = [SimpleNamespace(host="gone", port=1)]
    client: Any = SomeClient()
    client.cluster = SimpleNamespace(brokers=lambda: brokers)
    client.force_metadata_update = lambda: asked.append("metadata")
    monkeypatch.setattr(rebootstrap, "_gone", {("gone", 1)})
    rebootstrap._ask_now(client)
    assert asked == ["metadata"]

    async def wait_for_known_brokers() -> None:
        async with asyncio.timeout(PATIENCE_S) as limit:
            monkeypatch.setitem(rebootstrap._asking, client, limit)
            for _ in range(2):
                rebootstrap._ask_now(client)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await wait_for_known_brokers()
    rebootstrap._ask_now(client)
    brokers.append(SimpleNamespace(host="there", port=1))
    rebootstrap._ask_now(client)
    assert asked == ["metadata"]


async def test_a_known_broker_has_the_new_address_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits at the old one is given up, and so is what waits for a broker that the metadata lacks: it is dead."""
    broken: list[str] = []
    there = {1: SimpleNamespace(host="there", port=1), 2: SimpleNamespace(host="new", port=2), 3: None}
    connections = {
        (1, 0): (SimpleNamespace(host="there", port=1, name="same"), "10.0.0.1"),
        (2, 0): (SimpleNamespace(host="old", port=2, name="moved"), "10.0.0.2"),
        (3, 0): (SimpleNamespace(host="fenced", port=3, name="fenced"), "10.0.0.3"),
    }
    monkeypatch.setattr(rebootstrap, "connections_of", lambda _: connections)
    monkeypatch.setattr(rebootstrap, "break_connection", lambda connection: broken.append(connection.name))
    client: Any = SomeClient()
    client.cluster = SimpleNamespace(brokers=list, broker_metadata=there.get)

    async def answered(*_: Any) -> bool:
        return True

    assert await rebootstrap._update(answered)(client, client.cluster, ())
    assert broken == ["moved", "fenced"]


async def test_what_is_being_connected_to_an_outdated_address_is_given_up() -> None:
    """So that the others, which wait for their turn, need not wait for its time limit."""
    cluster = SimpleNamespace(brokers=lambda: [SimpleNamespace(host="new", port=1)])

    client: Any = SomeClient()

    async def endless(*_: Any, **__: Any) -> None:
        await asyncio.sleep(3_600)

    connect = rebootstrap._connect(endless)
    client.cluster = cluster
    with pytest.raises(KafkaConnectionError, match="no broker is at old:1 any more"):
        await connect("old", 1, on_close=client.on_close)
    connecting = asyncio.create_task(connect("new", 1, on_close=client.on_close))
    await asyncio.sleep(0)
    rebootstrap._give_up_connecting(client)
    cluster.brokers = lambda: [SimpleNamespace(host="newer", port=1)]
    rebootstrap._give_up_connecting(client)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connecting, PATIENCE_S)


class SomeClient:
    """As much of a client as is used."""

    def on_close(self) -> None:
        """What aiokafka hands to a connection."""

    def force_metadata_update(self) -> None:
        """Not called, unless a test replaces it."""


def suspend(broker: EmbeddedBroker) -> None:
    """Stop its process: its kernel still accepts connections, and nothing answers."""
    os.kill(pid(broker), signal.SIGSTOP)


def pid(broker: EmbeddedBroker) -> int:
    """Its process."""
    assert broker._child is not None
    return broker._child.pid


def open_connections(producer: AIOKafkaProducer) -> set[int]:
    """The identities of its connections."""
    return {id(connection) for connection, _ in connections_of(producer.client).values()}
