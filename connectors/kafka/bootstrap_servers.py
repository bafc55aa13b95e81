"""The servers of the bootstrap list: all are asked, and the one that answers first is used.

aiokafka tries them one after the other when a client starts. An old address that swallows everything would take a time
limit of each client, one after the other where clients are made one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from connectors.kafka.first_answer import first_answers
from connectors.kafka.private_aiokafka import Hosts, connect_to

CONNECT_S: Final = 10.0
"""The time limit for a connection with its login, as in Kafka's own clients (`socket.connection.setup.timeout.ms`)."""
PAUSE_S: Final = 1.0
"""The least time between two uses of a client's bootstrap list: while the whole cluster is away, fetches fail every
100 ms, and each failure asks for metadata."""
HEAD_START_S: Final = 0.5
"""A client that starts asks the first server of the list; without an answer for this long, all others as well."""

Address = tuple[str, int]

_best: list[Address] = []
"""The bootstrap server that answered first when last asked."""
_opened: ContextVar[list[tuple[Address, Any]]] = ContextVar("opened")
"""The bootstrap server that the client which starts in this task has a connection to, and that, until it is used."""


async def answer_of_first(client: AIOKafkaClient, ask: Callable[[Address], Awaitable[Any]]) -> Any:
    """What `ask` gives of the bootstrap server that answers first, all being asked; None if it is None of each."""
    servers = [server[:2] for server in client.hosts]
    found = await first_answers(servers, ask, limit_s=CONNECT_S, pause_s=PAUSE_S)
    if not found:
        return None
    _best[:] = [found[0][0]]
    return found[0][1]


def start_at_first(original: Any) -> Any:
    """Make of a client's start one that does not wait for a bootstrap server that is silent."""

    @wraps(original)
    async def start(client: AIOKafkaClient) -> None:
        servers = [server[:2] for server in client.hosts]
        if len(servers) < 2:
            await original(client)
            return
        errors: dict[Address, Exception] = {}

        async def connect(server: Address) -> Any:
            try:
                return await connect_to(client, *server)
            except Exception as error:  # whatever it is: another server may do
                errors[server] = error
                return None

        found = await first_answers(servers, connect, limit_s=CONNECT_S, pause_s=PAUSE_S, head_start_s=HEAD_START_S)
        if not found:
            reasons = "; ".join(f"{host}:{port}: {errors.get((host, port)) or 'no answer'}" for host, port in servers)
            raise KafkaConnectionError(f"Unable to bootstrap from {reasons}")
        for _, connection in found[1:]:
            connection.close()
        _best[:] = [found[0][0]]
        with _handing_over(found[0]):
            await original(client)

    return start


@contextlib.contextmanager
def _handing_over(opened: tuple[Address, Any]) -> Iterator[None]:
    """Let aiokafka's own start take this connection as the first."""
    once = [opened]  # tasks that begin meanwhile inherit the variable
    token = _opened.set(once)
    try:
        yield
    finally:
        _opened.reset(token)
        for _, connection in once:
            connection.close()
        once.clear()


def best_first(servers: Hosts) -> Hosts:
    """Bootstrap servers in an order in which the one that answered first when last asked comes first."""
    opened = [server for server, _ in _opened.get([])]
    return sorted(servers, key=lambda server: server[:2] not in (opened or _best))


async def connect_to_server(original: Any, host: str, port: int, options: Any) -> Any:
    """The connection that a start has already opened; else one that `original` opens."""
    opened = _opened.get([])
    if [server for server, _ in opened] == [(host, port)]:
        return opened.pop()[1]
    async with asyncio.timeout(CONNECT_S):
        return await original(host, port, **options)
