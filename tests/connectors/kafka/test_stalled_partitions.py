"""One partition that cannot be read stalls by itself: the others are read, nothing is lost, and it is tried again."""

from __future__ import annotations

import logging
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import OffsetOutOfRangeError, TopicAuthorizationFailedError
from aiokafka.structs import TopicPartition

from connectors.kafka import record_batches, stalled_partitions
from connectors.kafka.consumer_progress import answered
from connectors.kafka.stalled_partitions import describe, hold_stalled_partitions, stalled
from connectors.kafka.topic_reader import StalledError, to_end
from tests.connectors.kafka.test_record_batches import batch

GOOD, BAD = TopicPartition("request-events", 0), TopicPartition("request-events", 1)


class Reader:
    """A consumer with aiokafka's own fetcher, whose fetches are given by hand. Its log begins at offset 0."""

    def __init__(self) -> None:
        assert hold_stalled_partitions()
        self._isolation_level = "read_uncommitted"
        self._subscription = SubscriptionState()
        self._subscription.assign_from_user([GOOD, BAD])
        self.states = self._subscription.subscription.assignment
        self._fetcher: Any = fetcher.Fetcher.__new__(fetcher.Fetcher)
        self._fetcher._records = OrderedDict()
        self._fetcher._subscriptions = self._subscription
        self._fetcher._wait_consume_future = None
        self._fetcher._prefetch_backoff = 0
        for partition in (GOOD, BAD):
            self.states.state_value(partition).seek(0)

    def assignment(self) -> Any:
        """Both partitions."""
        return self.states.tps

    def paused(self) -> set[TopicPartition]:
        """None is."""
        return set()

    async def getmany(self, timeout_ms: int) -> Any:
        """What was fetched."""
        return await self._fetcher.fetched_records([], timeout=0)

    async def position(self, partition: TopicPartition) -> int:
        """The offset to be read next."""
        return int(self.states.state_value(partition).position)

    def highwater(self, partition: TopicPartition) -> int | None:
        """Not known: no fetch was answered."""
        return None

    def fetches(self, partition: TopicPartition, log: bytes) -> None:
        """What the broker answers to the next fetch, made as aiokafka makes it."""
        start = self.states.state_value(partition).position
        read = fetcher.PartitionRecords(
            partition, fetcher.MemoryRecords(log), [], start, None, None, True, READ_COMMITTED
        )
        self._fetcher._records[partition] = fetcher.FetchResult(
            partition, assignment=self.states, partition_records=read, backoff=0
        )

    def fails(self, partition: TopicPartition, error: Exception) -> None:
        """The broker answers the next fetch with an error."""
        self._fetcher._set_error(partition, error)

    async def values(self) -> dict[TopicPartition, list[bytes]]:
        """What `getmany` returns."""
        found = await self._fetcher.fetched_records([], timeout=0, max_records=100)
        return {partition: [record.value for record in records] for partition, records in found.items()}

    def is_fetched_again(self, partition: TopicPartition) -> bool:
        """Whether the fetcher would send a fetch of it now."""
        return partition not in self._fetcher._records


def kept_of(reader: Reader, partition: TopicPartition) -> Any:
    """The state of a partition, as aiokafka has it."""
    return reader.states.state_value(partition)


@pytest.fixture
async def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A reader, with nothing known of what failed before, and a clock that stands still."""
    stalled_partitions._logged_at.clear()
    monkeypatch.setattr("connectors.kafka.private_fetches.time", CLOCK)
    monkeypatch.setattr("connectors.kafka.stalled_partitions.time", CLOCK)
    return Reader()


CLOCK: Any = SimpleNamespace(now=1_000.0, monotonic=lambda: CLOCK.now, time=lambda: 0.0)


def flipped(log: bytes, at: int) -> bytes:
    """One bit of it is another."""
    changed = bytearray(log)
    changed[at] ^= 1
    return bytes(changed)


FIRST, SECOND = bytes(batch(0, [b"a", b"b"])), bytes(batch(2, [b"c"]))


@pytest.mark.parametrize("first", [GOOD, BAD])
async def test_a_wrong_checksum_stalls_its_partition(reader: Reader, first: TopicPartition) -> None:
    """Whichever is read first: records before the batch, and those of the other partition, are returned."""
    logs = {GOOD: FIRST + SECOND, BAD: FIRST + flipped(SECOND, -1)}
    for partition in (first, *({GOOD, BAD} - {first})):
        reader.fetches(partition, logs[partition])
    assert await reader.values() == {GOOD: [b"a", b"b", b"c"], BAD: [b"a", b"b"]}
    assert set(stalled(reader)) == {BAD}
    assert describe(stalled(reader)) == ("cannot read request-events partition 1: CorruptRecordException at offset 2")


async def test_it_is_tried_again_after_a_while(reader: Reader) -> None:
    """Not at once: each try is a whole fetch. When the batch is whole again, all of it is read."""
    reader.fetches(BAD, flipped(FIRST, -1))
    assert await reader.values() == {}
    assert not reader.is_fetched_again(BAD)
    assert await reader.values() == {}
    assert not reader.is_fetched_again(BAD)
    CLOCK.now += stalled_partitions.RETRY_S
    assert await reader.values() == {}
    assert reader.is_fetched_again(BAD)
    reader.fetches(BAD, FIRST)
    assert await reader.values() == {BAD: [b"a", b"b"]}
    assert not stalled(reader)


@pytest.mark.parametrize("at", [8, 9, 10, 11])
async def test_a_flipped_bit_in_the_size_of_a_batch(reader: Reader, at: int) -> None:
    """Its size: no exception, and no offset is skipped."""
    reader.fetches(BAD, flipped(FIRST, at))
    reader.fetches(GOOD, FIRST)
    assert await reader.values() == {GOOD: [b"a", b"b"]}
    assert set(stalled(reader)) == {BAD}
    assert reader.states.state_value(BAD).position == 0


async def test_batches_read_whole(reader: Reader) -> None:
    """As ingest reads them."""
    assert record_batches.read_batches(reader)
    record_batches.begin_poll()
    reader.fetches(BAD, FIRST + flipped(SECOND, -1))
    found = await reader._fetcher.fetched_records([], timeout=0, max_records=100)
    assert [[record.value for record in records] for records in found[BAD]] == [[b"a", b"b"]]
    assert reader.states.state_value(BAD).position == 2
    assert set(stalled(reader)) == {BAD}


async def test_a_topic_that_may_not_be_read(reader: Reader) -> None:
    """It stalls, also where batches are read whole; health does not take it for an outage."""
    assert record_batches.read_batches(reader)
    for partition in (GOOD, BAD):
        reader.fails(partition, TopicAuthorizationFailedError("request-events"))
    assert await reader.values() == {}
    assert set(stalled(reader)) == {GOOD, BAD}
    assert answered(reader, 10_000)
    CLOCK.now += stalled_partitions.FRESH_S + 1
    assert not stalled(reader)


async def test_a_transaction_that_stays_open(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named after a while where only committed records are read; each new one begins the time again."""
    state: Any = kept_of(reader, BAD)
    monkeypatch.setattr(reader, "highwater", lambda partition: 5)
    for partition in (GOOD, BAD):
        kept_of(reader, partition).lso = 5
        kept_of(reader, partition).consumed_to(5)
    monkeypatch.setattr(reader, "highwater", lambda partition: 9 if partition == BAD else 5)
    assert not stalled(reader)
    CLOCK.now += 60
    assert not stalled(reader)
    reader._isolation_level = "read_committed"
    assert not stalled(reader)
    CLOCK.now += 60
    assert describe(stalled(reader)) == ("cannot read request-events partition 1: a transaction stays open at offset 5")
    state.lso = 6
    state.consumed_to(6)
    assert not stalled(reader)
    state.lso = 9
    assert not stalled(reader)


async def test_reading_to_the_end_does_not_wait_for_it(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails at once, or leaves the partition out and reads the others."""
    monkeypatch.setattr(reader, "highwater", lambda partition: 2)

    async def records(**options: Any) -> list[bytes | None]:
        reader.fetches(GOOD, FIRST)
        reader.fetches(BAD, flipped(FIRST, -1))
        source: Any = reader
        return [record.value async for record in to_end(source, **options)]

    assert await records(leave_stalled=True) == [b"a", b"b"]
    with pytest.raises(StalledError, match="request-events partition 1: CorruptRecordException at offset 0"):
        await records()


async def test_errors_about_the_position_are_raised(reader: Reader) -> None:
    """Their reader chooses another position."""
    reader.fails(BAD, OffsetOutOfRangeError({BAD: 0}))
    with pytest.raises(OffsetOutOfRangeError):
        await reader.values()


async def test_it_is_logged_once_a_minute(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    """Each failure is counted."""
    labels = {"topic": BAD.topic, "partition": str(BAD.partition), "error": "CorruptRecordException"}
    before = stalled_partitions.FAILURES.labels(**labels)._value.get()
    with caplog.at_level(logging.ERROR, logger="connectors.kafka.stalled_partitions"):
        for _ in range(5):
            reader.fetches(BAD, flipped(FIRST, -1))
            await reader.values()
            CLOCK.now += 20.0
    assert stalled_partitions.FAILURES.labels(**labels)._value.get() - before == 5
    assert [record.getMessage() for record in caplog.records] == [
        "request-events partition 1 cannot be read at offset 0 (CorruptRecordException: [Error 2] "
        "CorruptRecordException: Invalid CRC - TopicPartition(topic='request-events', partition=1)); it is tried again "
        "each 1 s, and the other partitions are read"
    ] * 2


def test_a_version_that_was_not_checked(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing private is touched, and a warning names what is missing."""
    monkeypatch.setattr("aiokafka.__version__", "9.0")
    assert not hold_stalled_partitions.__wrapped__()
    assert "one partition that cannot be read stops a whole consumer" in caplog.text
