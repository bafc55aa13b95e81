"""Clients find brokers that have moved: when no known broker answers, they start again from the bootstrap list.

aiokafka uses the bootstrap list once, one server after the other. Later it asks only the brokers that the last metadata
named, so a client whose brokers have all changed their addresses never finds them again, without an error. Here every
client of the process (consumers, producers, admin clients, and Faust's) does as Kafka's own clients do since 4.0
(KIP-899, KIP-1102):

* A request without an answer for `SILENT_S` makes the client ask for metadata, and again each `AGAIN_S`.
* If no known broker gives it within `KNOWN_S`, the servers of the bootstrap list are asked, all at once. A host name is
  resolved again each time.
* Connections to an address that the broker no longer has are closed or given up, so that requests on them fail and are
  sent again, instead of waiting for aiokafka's 40 s.
* The other clients of the process that know only such addresses ask the list at once, without waiting for a silence of
  their own.
* A client that starts does not wait for a server of the list that is silent, either.

A broker that is merely slow keeps its connections, however long it takes: the metadata has it at the same address. So
the limits can be short. What they cost, if a broker is slow, is a connection to a server of the list.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from functools import cache, wraps
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from connectors.kafka.bootstrap_servers import (
    CONNECT_S,
    PAUSE_S,
    Address,
    answer_of_first,
    best_first,
    connect_to_server,
    start_at_first,
)
from connectors.kafka.private_aiokafka import break_connection, connect_to, connections_of, wrap_clients

SILENT_S: Final = 3.0
"""A request without an answer for this long is a reason to ask for metadata. Fetches are answered in half a second;
a join of a group, and a write to too few replicas, may take longer, so this by itself closes nothing."""
AGAIN_S: Final = 1.0
"""Kafka may not have noticed yet, when it is asked first, that a broker is dead, and new brokers may not answer yet."""
KNOWN_S: Final = 2.0
"""How long the known brokers have to answer before the bootstrap list is used."""

_log = logging.getLogger(__name__)
_used_at: WeakKeyDictionary[AIOKafkaClient, float] = WeakKeyDictionary()
_connecting: WeakKeyDictionary[AIOKafkaClient, tuple[str, int, asyncio.Timeout]] = WeakKeyDictionary()
_asking: WeakKeyDictionary[AIOKafkaClient, asyncio.Timeout] = WeakKeyDictionary()
"""The clients that wait for known brokers, each with its limit."""
_loops: WeakKeyDictionary[AIOKafkaClient, asyncio.AbstractEventLoop] = WeakKeyDictionary()
"""All clients that have asked for metadata; Faust's consumer has a thread of its own."""
_lock = threading.Lock()
"""Held while `_loops` changes or is read."""
_gone: set[Address] = set()
"""Addresses at which brokers were, as all clients of this process have learnt."""


@cache
def use_bootstrap_again() -> bool:
    """Make all clients of this process do so; False if this aiokafka was not checked, and then none does."""
    return wrap_clients(_update, _send, _connect, start_at_first, best_first)


def _connect(original: Any) -> Any:
    @wraps(original)
    async def connect(host: str, port: int, **options: Any) -> Any:
        client = getattr(options.get("on_close"), "__self__", None)
        if client is None:  # not to a broker that metadata named, but to a bootstrap server
            return await connect_to_server(original, host, port, options)
        # A client opens one connection at a time. An address that swallows packets would hold up the others for 40 s
        # each: all that wait for their turn with the old address, after the new one has become known.
        if _is_outdated(client, host, port):
            raise KafkaConnectionError(f"no broker is at {host}:{port} any more")
        try:
            async with asyncio.timeout(CONNECT_S) as limit:
                _connecting[client] = host, port, limit
                with _asking_for_metadata(client):
                    connection = await original(host, port, **options)
        finally:
            _connecting.pop(client, None)
        _gone.discard((host, port))
        return connection

    return connect


def _send(original: Any) -> Any:
    @wraps(original)
    async def send(client: AIOKafkaClient, *request: Any, **options: Any) -> Any:
        with _asking_for_metadata(client):
            return await original(client, *request, **options)

    return send


@contextlib.contextmanager
def _asking_for_metadata(client: AIOKafkaClient) -> Iterator[None]:
    """Ask for metadata after `SILENT_S`, and then each `AGAIN_S`."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def ask() -> None:
        nonlocal timer
        client.force_metadata_update()
        timer = loop.call_later(AGAIN_S, ask)

    timer = loop.call_later(SILENT_S, ask)
    try:
        yield
    finally:
        timer.cancel()


def _update(original: Any) -> Any:
    @wraps(original)
    async def update(client: AIOKafkaClient, cluster: Any, topics: Any) -> bool:
        with _lock:
            _loops[client] = asyncio.get_running_loop()
        if not _all_gone(client):
            try:
                async with asyncio.timeout(KNOWN_S) as limit:
                    _asking[client] = limit
                    if await original(client, cluster, topics):
                        _leave_old_addresses(client, cluster)
                        return True
            except TimeoutError:
                pass
            finally:
                _asking.pop(client, None)
        return await _start_again(client, cluster, MetadataRequest(list(topics) if topics else None))

    return update


async def _start_again(client: AIOKafkaClient, cluster: Any, request: MetadataRequest) -> bool:
    """Take the metadata of the bootstrap server that answers first; False if none has some, or if it is too soon."""
    wait_s = _used_at.get(client, float("-inf")) + PAUSE_S - time.monotonic()
    if wait_s > 0 and not _all_gone(client):
        return False
    await asyncio.sleep(wait_s)
    _used_at[client] = time.monotonic()
    metadata = await answer_of_first(client, lambda server: _metadata_from(client, server, request))
    if metadata is None:
        return False
    before = _addresses(client)
    cluster.update_metadata(metadata)
    _spread(before - _addresses(client), _addresses(client))
    _give_up_connecting(client)
    closed = await _close_moved(client, cluster)
    _log.warning("no known broker answered, a bootstrap server did; %d connections were out of date", closed)
    return True


def _addresses(client: AIOKafkaClient) -> set[Address]:
    """The addresses of the brokers that the client's metadata names."""
    return {(broker.host, broker.port) for broker in client.cluster.brokers()}


def _all_gone(client: AIOKafkaClient) -> bool:
    """Whether the client's metadata names brokers only where none is any more, as another client has learnt."""
    known = _addresses(client)
    return bool(known) and known <= _gone


def _spread(gone: set[Address], found: set[Address]) -> None:
    """Let the other clients whose brokers are all at gone addresses ask the bootstrap list at once."""
    _gone.difference_update(found)
    _gone.update(gone)
    with _lock:
        known = list(_loops.items())
    for client, loop in known if gone else ():
        with contextlib.suppress(RuntimeError):  # its loop was closed
            loop.call_soon_threadsafe(_ask_now, client)


def _ask_now(client: AIOKafkaClient) -> None:
    if not _all_gone(client):
        return
    limit = _asking.get(client)
    if limit is None:
        client.force_metadata_update()
    elif not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())


async def _metadata_from(client: AIOKafkaClient, server: Address, request: MetadataRequest) -> Any:
    """The metadata that the server there has; None if it has none, or does not answer."""
    try:
        connection = await connect_to(client, *server)
        try:
            metadata = await connection.send(request)
        finally:
            connection.close()
    except Exception as error:  # whatever it is: an exception here would end aiokafka's updates of metadata for good
        _log.debug("bootstrap server %s:%s: %r", *server, error)
        return None
    return metadata if metadata.brokers else None


def _is_outdated(client: AIOKafkaClient, host: str, port: int) -> bool:
    """Whether the metadata has no broker at this address."""
    return (host, port) not in _addresses(client)


def _give_up_connecting(client: AIOKafkaClient) -> None:
    """Let the connection that is being opened time out now, if it is to an address that is outdated."""
    host, port, limit = _connecting.get(client, ("", 0, None))
    if limit is not None and _is_outdated(client, host, port) and not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())


def _leave_old_addresses(client: AIOKafkaClient, cluster: Any) -> None:
    """After metadata of a known broker: give up what waits for others at addresses that they no longer have.

    A broker that the metadata lacks leads nothing: Kafka takes it for dead. If it hangs, or its machine has no power,
    its connections stay open, and requests on them would wait for aiokafka's 40 s.
    """
    _give_up_connecting(client)
    for (node, *_), (connection, _) in connections_of(client).items():
        broker = cluster.broker_metadata(node)
        is_of_broker = isinstance(node, int)  # others are of bootstrap servers
        if is_of_broker and (broker is None or (broker.host, broker.port) != (connection.host, connection.port)):
            break_connection(connection)


async def _close_moved(client: AIOKafkaClient, cluster: Any) -> int:
    """Close the connections to addresses that their brokers no longer have; how many those were."""
    closed = 0
    for (node, *_), (connection, peer) in connections_of(client).items():
        broker = cluster.broker_metadata(node)
        if broker is None or (broker.host, broker.port) != (connection.host, connection.port):
            moved = True
        else:
            moved = peer not in await _resolved(broker.host, broker.port, peer)
        if moved:
            break_connection(connection)
            closed += 1
    return closed


async def _resolved(host: str, port: int, otherwise: str) -> set[str]:
    """The IP addresses of a host now; without an answer, the one that is in use."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
    except OSError:
        return {otherwise}
    return {str(address[0]) for *_, address in found}
