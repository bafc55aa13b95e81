"""The only module that uses private parts of aiokafka. Each use is limited to the versions it was checked with.

Each function states what happens with another version: either it reports that the private part is not available, or
there is a fallback. `tests/connectors/kafka/test_private_aiokafka.py` is the contract: run it with a new version before
adding that version to `CHECKED`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any, Final

import aiokafka
from aiokafka import client as client_module
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.structs import TopicPartition

CHECKED: Final = ("0.12.", "0.13.", "0.14.")
"""The versions of aiokafka that the private parts were checked with."""

SESSION_USED: Final = 0.8
"""The share of a login's life after which its connection is replaced; the rest is for requests on their way."""

RETIRING_S: Final = 0.1
"""How often to look whether a replaced connection has all its answers."""

_DECODING: Final = (
    "aiokafka.record.default_records",
    "aiokafka.record.legacy_records",
    "aiokafka.record._crecords.default_records",
    "aiokafka.record._crecords.legacy_records",
)

NO_LEADER: Final = -1

Fetched = OrderedDict[TopicPartition, Any]


def is_checked() -> bool:
    """Whether the installed aiokafka is one of the versions checked."""
    return str(aiokafka.__version__).startswith(CHECKED)


def fetched_by(consumer: aiokafka.AIOKafkaConsumer) -> Fetched | None:
    """The fetches of a started consumer that `getmany` has not returned yet, by partition.

    None if the version was not checked or the consumer has no such dictionary.
    """
    found = getattr(getattr(consumer, "_fetcher", None), "_records", None)
    return found if is_checked() and isinstance(found, OrderedDict) else None


def leaderless(consumer: aiokafka.AIOKafkaConsumer) -> set[TopicPartition]:
    """The partitions of a consumer that have no leader, as Kafka reports; empty if this aiokafka was not checked."""
    cluster = getattr(getattr(consumer, "_client", None), "cluster", None)
    if not is_checked() or cluster is None:
        return set()
    return {partition for partition in consumer.assignment() if cluster.leader_for_partition(partition) == NO_LEADER}


def replace_fetched(consumer: aiokafka.AIOKafkaConsumer, fetched: Fetched) -> None:
    """Make the consumer keep its fetches in this dictionary. Call only if `fetched_by` returned the one before."""
    consumer._fetcher._records = fetched


def iterate_batches(fetch: Any, wrap: Callable[[Any], Any], convert: Callable[[Any, int], Any]) -> None:
    """Make a fetch iterate over what `wrap` makes of its batches; `convert(item, start)` makes the records returned.

    `start` is the offset that the fetch was asked for. A fetch that failed has no records and is left as it is.
    """
    records = getattr(fetch, "_partition_records", None)
    if records is None:
        return
    start = records.next_fetch_offset
    records._records = wrap(records._records)
    records._consumer_record = lambda _, item: convert(item, start)


@cache
def date_fetches_by_sending() -> bool:
    """Make every consumer's `last_poll_timestamp` the time at which the fetch was sent that was answered last.

    aiokafka notes when it reads the answer. A process that was stopped reads an old answer when it continues, and would
    take the end of the partition in it for the present one. False if this aiokafka was not checked: it stays so then.
    """
    if not is_checked():
        return False
    process: Any = fetcher.Fetcher._proc_fetch_request

    @wraps(process)
    async def dated(reader: Any, assignment: Any, node_id: Any, request: Any) -> Any:
        sent_at = int(time.time() * 1000)  # noqa: TID251 - aiokafka's clock
        needs_wakeup = await process(reader, assignment, node_id, request)  # nothing runs between its note and ours
        for topic, partitions in request.topics:
            for partition, *_ in partitions:
                state = assignment.state_value(TopicPartition(topic, partition))
                if state is not None and state.timestamp is not None:
                    state.timestamp = min(state.timestamp, sent_at)
        return needs_wakeup

    fetcher.Fetcher._proc_fetch_request = dated
    return True


def replace_decoders(decoders: Mapping[str, Callable[[Any], bytes]]) -> bool:
    """Make all batches be decompressed by these functions, by codec; False if this aiokafka was not checked."""
    if not is_checked():
        return False
    # Compiled and not compiled, formats from magic 2 on and before: each module has imported the functions by name.
    for module in [sys.modules[name] for name in _DECODING if name in sys.modules]:
        for codec, decoder in decoders.items():
            if hasattr(module, name := f"{codec}_decode"):
                setattr(module, name, decoder)
    return True


def wrap_partition_records(wrap: Callable[[TopicPartition, Any], Any]) -> bool:
    """Make each fetch read what `wrap` makes of its partition and batches; False if this aiokafka was not checked."""
    if not is_checked():
        return False
    original: Any = fetcher.PartitionRecords

    class Wrapped(original):  # type: ignore[misc]  # aiokafka is untyped
        def __init__(self, partition: TopicPartition, batches: Any, *others: Any, **options: Any) -> None:
            super().__init__(partition, wrap(partition, batches), *others, **options)

    fetcher.PartitionRecords = Wrapped
    return True


@cache
def replace_old_sessions() -> bool:
    """Make clients replace a connection before its login expires (`connections.max.reauth.ms`, the life of a token).

    aiokafka does not log in again (KIP-368), so the broker closes each connection that is used after that. Every
    request in flight then fails, with a warning: hundreds a minute where logins are short. A connection that is
    replaced gets no more requests, and is closed once all are answered.

    False if this aiokafka was not checked: it stays so then.
    """
    if not is_checked():
        return False
    log_in: Any = AIOKafkaConnection._do_sasl_handshake
    connection_of: Any = AIOKafkaClient._get_conn

    @wraps(log_in)
    async def timed(connection: Any) -> None:
        send = connection.send

        async def sent(request: Any, **options: Any) -> Any:
            answer = await send(request, **options)
            lifetime_ms = getattr(answer, "session_lifetime_ms", 0)
            connection.replace_at = time.monotonic() + lifetime_ms / 1000 * SESSION_USED if lifetime_ms else None
            return answer

        connection.send = sent
        try:
            await log_in(connection)
        finally:
            del connection.send

    @wraps(connection_of)
    async def fresh(client: Any, node_id: Any, *, group: Any = ConnectionGroup.DEFAULT, **options: Any) -> Any:
        old = client._conns.get((node_id, group))
        replace_at = getattr(old, "replace_at", None)
        if replace_at is not None and time.monotonic() >= replace_at:
            del client._conns[node_id, group]
            _close_once_answered(old)
        return await connection_of(client, node_id, group=group, **options)

    AIOKafkaConnection._do_sasl_handshake = timed
    AIOKafkaClient._get_conn = fresh
    return True


def _close_once_answered(connection: Any) -> None:
    if connection._requests and connection.connected():
        asyncio.get_running_loop().call_later(RETIRING_S, _close_once_answered, connection)
    else:
        connection.close()


@cache
def date_group_answers() -> bool:
    """Make every consumer note when the coordinator of its group answered last; see `group_silent_ms`.

    False if this aiokafka was not checked.
    """
    if not is_checked():
        return False
    send: Any = GroupCoordinator._send_req

    @wraps(send)
    async def dated(coordinator: Any, request: Any) -> Any:
        answer = await send(coordinator, request)
        coordinator.answered_at = time.monotonic()
        return answer

    GroupCoordinator._send_req = dated
    return True


def group_silent_ms(consumer: aiokafka.AIOKafkaConsumer) -> float | None:
    """For how long the coordinator of the consumer's group owes an answer; 0 if it was not asked since.

    None without a group, or with an aiokafka that was not checked.
    """
    coordinator = getattr(consumer, "_coordinator", None)
    if not is_checked() or not isinstance(coordinator, GroupCoordinator):
        return None
    answered_at: float = getattr(coordinator, "answered_at", float("-inf"))
    silent_ms: float = (time.monotonic() - answered_at) * 1000 - coordinator._heartbeat_interval_ms
    return max(0.0, silent_ms)


async def send_request(client: AIOKafkaAdminClient, request: Any) -> Any:
    """The broker's response to a request that the admin client has no method for.

    Raises:
        NotImplementedError: the broker does not know this version of the request, or this aiokafka was not checked.
        aiokafka.errors.KafkaError: the request failed.
    """
    if not is_checked():
        raise NotImplementedError(f"aiokafka {aiokafka.__version__} was not checked")
    return await client._send_request(request)


Hosts = list[tuple[str, int, Any]]


def wrap_clients(
    update: Callable[[Any], Any],
    send: Callable[[Any], Any],
    connect: Callable[[Any], Any],
    start: Callable[[Any], Any],
    order: Callable[[Hosts], Hosts],
) -> bool:
    """Replace four coroutines of every client by what these make of them; False if this aiokafka was not checked.

    They are `_metadata_update(client, cluster, topics)`, `send(client, node, request, *, group)`, the function
    `create_conn(host, port, **options)` that opens a connection, and `bootstrap(client)`, which tries the bootstrap
    servers one after the other when a client starts. `order` orders them. Consumers, producers and admin clients each
    have a client, and so have Faust's.
    """
    if not is_checked():
        return False
    hosts: Any = AIOKafkaClient.hosts
    AIOKafkaClient.hosts = property(lambda client: order(hosts.fget(client)))
    AIOKafkaClient._metadata_update = update(AIOKafkaClient._metadata_update)
    AIOKafkaClient.send = send(AIOKafkaClient.send)
    AIOKafkaClient.bootstrap = start(AIOKafkaClient.bootstrap)
    client_module.create_conn = connect(client_module.create_conn)
    return True


async def connect_to(client: AIOKafkaClient, host: str, port: int) -> AIOKafkaConnection:
    """A connection of its own, logged in as the client does it.

    Raises:
        OSError: there is no answer (TimeoutError is one).
        aiokafka.errors.KafkaError: the login failed.
    """
    return await client_module.create_conn(
        host,
        port,
        client_id=client._client_id,
        request_timeout_ms=client._request_timeout_ms,
        ssl_context=client._ssl_context,
        security_protocol=client._security_protocol,
        sasl_mechanism=client._sasl_mechanism,
        sasl_plain_username=client._sasl_plain_username,
        sasl_plain_password=client._sasl_plain_password,
        sasl_kerberos_service_name=client._sasl_kerberos_service_name,
        sasl_kerberos_domain_name=client._sasl_kerberos_domain_name,
        sasl_oauth_token_provider=client._sasl_oauth_token_provider,
    )


def connections_of(client: AIOKafkaClient) -> dict[Any, tuple[AIOKafkaConnection, str]]:
    """The open connections with the IP address of the other side; a key begins with the broker's id."""
    found = {key: (one, one._writer) for key, one in client._conns.items()}
    return {
        key: (connection, str((writer.get_extra_info("peername") or [""])[0]))
        for key, (connection, writer) in found.items()
        if writer is not None
    }


def break_connection(connection: AIOKafkaConnection) -> None:
    """Close a connection as if it had timed out: each request that waits on it fails, with an error that is retried."""
    connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
