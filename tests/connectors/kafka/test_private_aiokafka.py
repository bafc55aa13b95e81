"""The contract with aiokafka's private parts: they are in the installed version, and do what we rely on."""

from __future__ import annotations

import asyncio
import inspect
import sys
import uuid
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import client as client_module
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchError, FetchResult, PartitionRecords
from aiokafka.protocol.admin import SaslAuthenticateResponse_v1

from connectors.kafka import private_aiokafka, rebootstrap

PARTITION = TopicPartition("t", 0)


def a_fetch_of(batches: object) -> Any:
    """Return what a fetch from offset 7 holds."""
    return PartitionRecords(PARTITION, batches, [], 7, None, None, True, READ_COMMITTED)


def a_consumer(records: object) -> Any:
    """Return as much of a consumer as is used."""
    return SimpleNamespace(_fetcher=SimpleNamespace(_records=records))


def test_the_installed_version_is_checked() -> None:
    """The pin in pyproject.toml and `CHECKED` agree."""
    assert private_aiokafka.is_checked()


async def test_a_consumer_keeps_its_fetches_in_a_dictionary() -> None:
    """The fetcher that a consumer makes at its start has the dictionary that `getmany` takes fetches from."""
    source = inspect.getsource(Fetcher.__init__)
    assert "self._records = collections.OrderedDict()" in source
    assert "self._records" in inspect.getsource(Fetcher.fetched_records)
    assert "self._fetcher = Fetcher(" in inspect.getsource(AIOKafkaConsumer.start)


def test_a_fetch_of_records_is_wrapped() -> None:
    """Its batches and the conversion of records are replaced; `test_record_batches` reads real batches this way."""
    fetch = FetchResult(PARTITION, assignment=None, partition_records=a_fetch_of("batches"), backoff=0)
    private_aiokafka.iterate_batches(fetch, str.upper, lambda item, start: (item, start))
    records: Any = fetch._partition_records
    assert (records._records, records._consumer_record(PARTITION, "batch")) == ("BATCHES", ("batch", 7))
    methods = inspect.getsource(PartitionRecords)
    assert "self._records = records" in methods
    assert "def _consumer_record(self, tp, record)" in methods


def test_a_failed_fetch_is_left_alone() -> None:
    """An error has no records to wrap."""
    failed = FetchError(error=ConnectionError(), backoff=0)
    private_aiokafka.iterate_batches(failed, lambda _: pytest.fail("wrapped"), lambda *_: None)


def test_fetches_can_be_replaced() -> None:
    """What was put in is what is found."""
    consumer, fetched = a_consumer(OrderedDict()), OrderedDict[TopicPartition, Any]()
    private_aiokafka.replace_fetched(consumer, fetched)
    assert private_aiokafka.fetched_by(consumer) is fetched


def test_fetches_are_dated_where_their_answers_are_read() -> None:
    """What is replaced takes these parameters; `test_consumer_progress` sees that the date is that of sending."""
    assert private_aiokafka.date_fetches_by_sending()
    replaced = inspect.unwrap(Fetcher._proc_fetch_request)
    assert list(inspect.signature(replaced).parameters) == ["self", "assignment", "node_id", "request"]
    assert "tp_state.timestamp = now_ms" in inspect.getsource(replaced)


def test_an_admin_client_sends_any_request() -> None:
    """`_send_request` is a coroutine with the request as its first parameter."""
    assert inspect.iscoroutinefunction(AIOKafkaAdminClient._send_request)
    assert next(iter(list(inspect.signature(AIOKafkaAdminClient._send_request).parameters)[1:])) == "request"


async def test_the_parts_of_a_client_that_are_wrapped() -> None:
    """Their parameters; and that each is looked up where it is used, so that the replacement takes effect."""
    assert rebootstrap.use_bootstrap_again()
    update, send = inspect.unwrap(AIOKafkaClient._metadata_update), inspect.unwrap(AIOKafkaClient.send)
    assert list(inspect.signature(update).parameters) == ["self", "cluster_metadata", "topics"]
    assert list(inspect.signature(send).parameters) == ["self", "node_id", "request", "group"]
    assert "await self._metadata_update(self.cluster, topics)" in inspect.getsource(AIOKafkaClient._md_synchronizer)
    assert "await create_conn(" in inspect.getsource(AIOKafkaClient._get_conn)
    assert "self._conns[conn_id]" in inspect.getsource(AIOKafkaClient._get_conn)
    assert "on_close=self._on_connection_closed" in inspect.getsource(AIOKafkaClient._get_conn)
    start = inspect.unwrap(AIOKafkaClient.bootstrap)
    assert list(inspect.signature(start).parameters) == ["self"]
    assert "for host, port, _ in self.hosts:" in inspect.getsource(start)
    assert "bootstrap_conn = await create_conn(" in inspect.getsource(start)
    assert "await self._client.bootstrap()" in inspect.getsource(AIOKafkaConsumer.start)
    assert client_module.create_conn is not inspect.unwrap(client_module.create_conn)
    assert {"_writer", "_requests"} <= set(vars(AIOKafkaConnection(host="h", port=1)))


def test_a_client_has_the_options_of_its_connections() -> None:
    """Each that `connect_to` passes on is one that `create_conn` takes, and the client passes the same."""
    own = inspect.getsource(private_aiokafka.connect_to)
    for name in set(inspect.signature(inspect.unwrap(client_module.create_conn)).parameters) - {
        "max_idle_ms",
        "on_close",
    }:
        assert name in own
        assert name in inspect.getsource(AIOKafkaClient._get_conn)


async def test_a_version_that_was_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing private is touched."""
    monkeypatch.setattr("aiokafka.__version__", "9.0")
    assert private_aiokafka.fetched_by(a_consumer(OrderedDict())) is None
    assert not private_aiokafka.date_fetches_by_sending.__wrapped__()
    assert not private_aiokafka.wrap_clients(None, None, None, None, None)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match=r"aiokafka 9\.0 was not checked"):
        await private_aiokafka.send_request(SimpleNamespace(), object())


def test_other_parts_than_expected() -> None:
    """A consumer that is built otherwise has no fetches that we could use."""
    assert private_aiokafka.fetched_by(a_consumer({})) is None
    assert private_aiokafka.fetched_by(SimpleNamespace()) is None
    assert private_aiokafka.leaderless(SimpleNamespace()) == set()


def test_batches_are_decompressed_by_functions_of_their_modules() -> None:
    """The names that `replace_decoders` sets; that batches use them is seen in `test_bounded_batches`."""
    modules = [sys.modules[name] for name in private_aiokafka._DECODING]
    new, old = modules[::2], modules[1::2]
    assert all(hasattr(module, f"{codec}_decode") for module in new for codec in ("gzip", "snappy", "lz4", "zstd"))
    assert all(hasattr(module, f"{codec}_decode") for module in old for codec in ("gzip", "snappy", "lz4"))


def test_fetches_are_made_of_partition_records() -> None:
    """By the name in the module, with the partition and the batches first."""
    assert "partition_records = PartitionRecords(" in inspect.getsource(fetcher.Fetcher)
    assert [*inspect.signature(PartitionRecords.__init__).parameters][1:3] == ["tp", "records"]


def test_decompression_of_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither functions nor fetches are replaced."""
    monkeypatch.setattr("aiokafka.__version__", "9.0")
    before = fetcher.PartitionRecords
    assert not private_aiokafka.replace_decoders({"gzip": bytes})
    assert not private_aiokafka.wrap_partition_records(lambda _, batches: batches)
    assert fetcher.PartitionRecords is before


async def test_the_silence_of_a_group(embedded_broker: str) -> None:
    """None without a group; endless before the coordinator has answered, and none once it has."""
    assert private_aiokafka.date_group_answers()
    alone = AIOKafkaConsumer(bootstrap_servers=embedded_broker)
    assert private_aiokafka.group_silent_ms(alone) is None
    await alone.stop()
    topic = f"spare-{uuid.uuid4().hex}"
    options: dict[str, Any] = {"group_id": topic, "session_timeout_ms": 1000, "heartbeat_interval_ms": 100}
    async with AIOKafkaConsumer(topic, bootstrap_servers=embedded_broker, **options) as member:
        async with asyncio.timeout(30):
            while (private_aiokafka.group_silent_ms(member) or 0.0) > 1_000:
                await member.getmany(timeout_ms=50)
        coordinator: Any = member._coordinator
        coordinator.answered_at -= 60.0
        silent_ms = private_aiokafka.group_silent_ms(member)
        assert silent_ms is not None
        assert silent_ms > 50_000


def test_logins_can_be_renewed() -> None:
    """The handshake sends by the connection's own `send`, and clients ask `_get_conn` before each request."""
    assert private_aiokafka.replace_old_sessions()
    handshake = inspect.getsource(inspect.unwrap(AIOKafkaConnection._do_sasl_handshake))
    assert "resp = await self.send(SaslAuthenticateRequest(payload))" in handshake
    assert "conn_id = (node_id, group)" in inspect.getsource(inspect.unwrap(AIOKafkaClient._get_conn))
    assert "await self.ready(node_id, group=group)" in inspect.getsource(AIOKafkaClient.send)
    assert "conn = await self._get_conn(node_id, group=group)" in inspect.getsource(AIOKafkaClient.ready)
    assert "session_lifetime_ms" in SaslAuthenticateResponse_v1.SCHEMA.names


async def test_a_connection_whose_login_ends_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets no more requests, and is closed once it has all answers; others are kept."""
    private_aiokafka.replace_old_sessions()
    opened: list[Any] = []

    async def open_connection(*_: object, **__: object) -> Any:
        opened.append(SimpleNamespace(connected=lambda: True))
        return opened[-1]

    monkeypatch.setattr("aiokafka.client.create_conn", open_connection)
    client: Any = AIOKafkaClient()
    client.cluster.broker_metadata = lambda _: SimpleNamespace(host="h", port=1)
    closed = asyncio.Event()
    waiting: Any = ["a request"]
    old = SimpleNamespace(connected=lambda: True, replace_at=0.0, _requests=waiting, close=closed.set)
    client._conns[1, ConnectionGroup.DEFAULT] = old
    assert [await client._get_conn(1), await client._get_conn(1)] == opened * 2
    assert not closed.is_set()
    waiting.clear()
    await asyncio.wait_for(closed.wait(), 30)
