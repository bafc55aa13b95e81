"""A client that starts takes the server of the bootstrap list that answers."""

import asyncio
import os
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from connectors.kafka import bootstrap_servers, clients, rebootstrap
from connectors.kafka.clients import KafkaSettings
from streams.demo.embedded_broker import LOOPBACK, EmbeddedBroker, free_port

PATIENCE_S = 60.0


@pytest.fixture
def old() -> Iterator[EmbeddedBroker]:
    """A broker whose kernel accepts connections, and that never answers: its process is stopped."""
    with EmbeddedBroker() as broker:
        assert broker._child is not None
        os.kill(broker._child.pid, signal.SIGSTOP)
        yield broker


@pytest.fixture
def new() -> Iterator[EmbeddedBroker]:
    """A broker that answers."""
    with EmbeddedBroker() as broker:
        yield broker


async def test_a_client_starts_beside_a_silent_server(
    old: EmbeddedBroker, new: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the server that answers, and so does the next client, at once."""
    monkeypatch.setattr(bootstrap_servers, "CONNECT_S", 10 * PATIENCE_S)
    async with (
        asyncio.timeout(PATIENCE_S),
        clients.producer(KafkaSettings(bootstrap=f"{old.bootstrap},{new.bootstrap}")),
    ):
        pass
    hosts = AIOKafkaClient(bootstrap_servers=[old.bootstrap, new.bootstrap]).hosts
    assert [port for _, port, _ in hosts] == [new.port, old.port]


async def test_a_client_starts_nowhere() -> None:
    """Each server of the list has refused: the reasons are in the error."""
    servers = [f"{LOOPBACK}:{free_port()}" for _ in range(2)]
    producer = clients.producer(KafkaSettings(bootstrap=",".join(servers)))
    with pytest.raises(KafkaConnectionError, match="Unable to bootstrap from ") as failed:
        await producer.start()
    await producer.stop()
    assert all(f"{server}: [Errno" in str(failed.value) for server in servers)


async def test_a_connection_that_a_start_does_not_take_is_closed() -> None:
    """And it is handed over once."""
    closed: list[str] = []
    connection = SimpleNamespace(close=lambda: closed.append("closed"))

    async def refused(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    connecting = rebootstrap._connect(refused)
    with bootstrap_servers._handing_over((("new", 1), connection)):
        with pytest.raises(ConnectionRefusedError):
            await connecting("old", 1)
        assert await connecting("new", 1) is connection
        with pytest.raises(ConnectionRefusedError):
            await connecting("new", 1)
    assert not closed
    with bootstrap_servers._handing_over((("new", 1), connection)):
        pass
    assert closed == ["closed"]


async def test_a_second_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers that answer in the same moment: one of their connections is used."""
    both = asyncio.Barrier(2)
    closed: list[Any] = []

    async def open_connection(_: Any, *server: Any) -> Any:
        await both.wait()
        return SimpleNamespace(close=lambda: closed.append(server))

    async def start(client: Any) -> None:
        used.append(await rebootstrap._connect(open_connection)(*client.hosts[0][:2]))

    monkeypatch.setattr(bootstrap_servers, "connect_to", open_connection)
    monkeypatch.setattr(bootstrap_servers, "HEAD_START_S", 0.0)
    used: list[Any] = []
    client: Any = SimpleNamespace()
    client.hosts = [("one", 1, 0), ("two", 2, 0)]
    async with asyncio.timeout(PATIENCE_S):
        await bootstrap_servers.start_at_first(start)(client)
    assert (len(used), closed) == (1, [("two", 2)])
