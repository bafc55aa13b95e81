"""What the broker refuses of one partition holds that one, for a while, and aiokafka's own fetcher reads the others."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator, NoGroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import (
    CorruptRecordException,
    NotLeaderForPartitionError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connectors.kafka import private_answers, stalled_partitions
from connectors.kafka.private_answers import commit_what_is_there, denied_topics
from connectors.kafka.stalled_partitions import describe, hold_stalled_partitions, stalled
from tests.connectors.kafka.test_record_batches import batch

GOOD, BAD = TopicPartition("request-events", 0), TopicPartition("request-events", 1)
OK, DENIED = 0, TopicAuthorizationFailedError.errno


class Broker:
    """Answers each request at once: by these codes, and with a record in each partition that has none."""

    def __init__(self) -> None:
        self.cluster = ClusterMetadata()
        self.codes: dict[TopicPartition, int] = {}
        self.offset_codes: dict[TopicPartition, int] = {}
        self.fetches = self.metadata = 0
        self.topic = OK
        self.fault: Exception | None = None
        self._metadata_max_age_ms = 5_000
        self._loop = asyncio.get_running_loop()
        self._describe()

    async def send(self, node: int, request: Any) -> Any:
        """The answer."""
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        name = type(request).__name__
        self.fetches += name == "FetchRequest"
        return self._fetched(request) if name == "FetchRequest" else self._offsets(request)

    def force_metadata_update(self) -> asyncio.Future[bool]:
        """What the topic is now."""
        self.metadata += 1
        self._describe()
        done = self._loop.create_future()
        done.set_result(True)
        return done

    async def _maybe_wait_metadata(self) -> None:
        """Nobody waits."""

    def _describe(self) -> None:
        partitions = [(OK, number, 1, [1], [1]) for number in (0, 1)] if self.topic == OK else []
        answer = SimpleNamespace(
            API_VERSION=1,
            brokers=[(1, "h", 9, None)],
            controller_id=1,
            topics=[(self.topic, GOOD.topic, False, partitions)],
        )
        self.cluster.update_metadata(answer)

    def _fetched(self, request: Any) -> Any:
        answers: list[tuple[str, Any]] = []
        for topic, partitions in request.topics:
            for number, offset, _ in partitions:
                code = self.codes.get(TopicPartition(topic, number), OK)
                data = bytes(batch(0, [b"a"])) if code == OK and offset == 0 else b""
                answers.append((topic, [(number, code, 1, 1, [], data)]))
        return SimpleNamespace(API_VERSION=4, topics=answers)

    def _offsets(self, request: Any) -> Any:
        asked = [TopicPartition(topic, number) for topic, parts in request._topics for number, *_ in parts]
        found = [(one.topic, [(one.partition, self.offset_codes.get(one, OK), -1, 0)]) for one in asked]
        return SimpleNamespace(API_VERSION=1, topics=found)


class Reader:
    """A consumer with aiokafka's own fetcher and subscription."""

    def __init__(self, *, sought: bool) -> None:
        assert hold_stalled_partitions()
        self._client = Broker()
        self._subscription = SubscriptionState()
        self._subscription.assign_from_user([GOOD, BAD])
        self.states = self._subscription.subscription.assignment
        for partition in (GOOD, BAD):
            if sought:
                self.states.state_value(partition).seek(0)
            else:
                self.states.state_value(partition).fetch_committed = _none
        self.fetcher = Fetcher(self._client, self._subscription, auto_offset_reset="earliest")

    def assignment(self) -> Any:
        """Both partitions."""
        return self.states.tps

    async def read(self, seconds: float) -> dict[TopicPartition, int]:
        """How many records of each partition it got in this time."""
        found: dict[TopicPartition, int] = {}
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            for partition, records in (await self.fetcher.fetched_records([], timeout=0.02)).items():
                found[partition] = found.get(partition, 0) + len(records)
        return found


async def _none() -> OffsetAndMetadata:
    return OffsetAndMetadata(-1, "")


@pytest.fixture
async def reader(request: pytest.FixtureRequest) -> AsyncIterator[Reader]:
    """A reader, with nothing known of what failed before."""
    stalled_partitions._logged_at.clear()
    stalled_partitions._denied_since.clear()
    made = Reader(sought=getattr(request, "param", True))
    yield made
    await made.fetcher.close()


@pytest.mark.parametrize("code", [UnknownError.errno, CorruptRecordException.errno, 56, 9_999])
async def test_a_code_that_aiokafka_does_not_list(reader: Reader, code: int) -> None:
    """The partition stalls, and is not asked for without a pause; the other one is read."""
    reader._client.codes[BAD] = code
    assert await reader.read(0.3) == {GOOD: 1}
    assert set(stalled(reader)) == {BAD}
    fetched = reader._client.fetches
    reader._client.codes[GOOD] = code
    await reader.read(0.3)
    assert reader._client.fetches - fetched < 5
    assert set(stalled(reader)) == {GOOD, BAD}


async def test_a_partition_whose_leader_has_moved(reader: Reader) -> None:
    """It is no fault, and there is a pause as well."""
    for partition in (GOOD, BAD):
        reader._client.codes[partition] = NotLeaderForPartitionError.errno
    await reader.read(0.5)
    assert reader._client.fetches < 10
    assert not stalled(reader)


@pytest.mark.parametrize("reader", [False], indirect=True)
async def test_a_partition_whose_first_offset_is_refused(reader: Reader) -> None:
    """The other one of the same node is read."""
    reader._client.offset_codes[BAD] = DENIED
    assert await reader.read(1.0) == {GOOD: 1}
    assert set(stalled(reader)) == {BAD}
    reader._client.offset_codes.clear()
    assert await reader.read(1.5) == {BAD: 1}


@pytest.mark.parametrize("reader", [False], indirect=True)
async def test_a_first_offset_asked_of_a_former_leader(reader: Reader) -> None:
    """It is no fault: whoever reads to the end must not fail for it."""
    reader._client.offset_codes[BAD] = NotLeaderForPartitionError.errno
    assert await reader.read(0.5) == {GOOD: 1}
    assert not stalled(reader)
    reader._client.offset_codes.clear()
    assert await reader.read(0.5) == {BAD: 1}


@pytest.mark.parametrize("reader", [False], indirect=True)
async def test_a_first_offset_that_is_refused_while_somebody_waits_for_a_record(reader: Reader) -> None:
    """Whoever waits without a limit gets the record once the offset is known."""
    reader._client.offset_codes = dict.fromkeys((GOOD, BAD), NotLeaderForPartitionError.errno)
    waiting = asyncio.ensure_future(reader.fetcher.next_record([]))
    await asyncio.sleep(0.3)
    reader._client.offset_codes.clear()
    assert (await asyncio.wait_for(waiting, 5)).topic == GOOD.topic


async def test_a_topic_that_vanishes_from_the_metadata(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    """It is listed as stalled; Kafka is asked again each second, and once it may be read it is."""
    assert await reader.read(0.3) == {GOOD: 1, BAD: 1}
    reader._client.topic = DENIED
    coordinator = NoGroupCoordinator(reader._client, reader._subscription)
    reader._client.force_metadata_update()
    asked = reader._client.metadata
    with caplog.at_level(logging.ERROR, logger="connectors.kafka.stalled_partitions"):
        assert await reader.read(0.5) == {}
    assert reader._client.metadata - asked < 5
    why = "cannot read request-events: TopicAuthorizationFailedError"
    assert describe(stalled(reader)) == why
    assert set(stalled(reader)) == {TopicPartition("request-events", -1), GOOD, BAD}
    for partition in (GOOD, BAD):
        reader.fetcher.seek_to(partition, 0)
    reader._client.topic = OK
    assert await reader.read(1.5) == {GOOD: 1, BAD: 1}
    assert not stalled(reader)
    await coordinator.close()


class Committing:
    """A coordinator whose commits are refused while one of the `lacking` partitions is among them."""

    def __init__(self, *lacking: TopicPartition) -> None:
        self._client = Broker()
        self.lacking = set(lacking)
        self.sent: list[dict[TopicPartition, int]] = []
        self._send = commit_what_is_there(Committing._commit)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit once, as aiokafka does in each of its tries."""
        await self._send(self, None, offsets)

    async def _commit(self, _: Any, offsets: dict[TopicPartition, int]) -> None:
        self.sent.append(offsets)
        if self.lacking & offsets.keys():
            raise UnknownTopicOrPartitionError(GOOD)


async def test_a_commit_for_a_partition_that_is_there_no_more() -> None:
    """It is left out, once the metadata shows it; the refusal makes the client look."""
    gone = TopicPartition("request-events", 7)
    coordinator = Committing(GOOD)
    with pytest.raises(UnknownTopicOrPartitionError):
        await coordinator.commit({GOOD: 6, gone: 9})
    assert coordinator.sent == [{GOOD: 6}]
    assert coordinator._client.metadata == 1
    assert "asyncio.shield(self._do_commit_offsets(assignment, offsets))" in inspect.getsource(GroupCoordinator)


async def test_a_commit_for_a_topic_that_is_not_known_yet() -> None:
    """It is sent: what the metadata lacks is left out only after Kafka has refused it, and until it is there again."""
    other = TopicPartition("command-acks", 0)
    coordinator = Committing()
    await coordinator.commit({GOOD: 5, other: 1})
    coordinator.lacking = {other}
    with pytest.raises(UnknownTopicOrPartitionError):
        await coordinator.commit({GOOD: 6, other: 2})
    await coordinator.commit({GOOD: 7, other: 3})
    assert coordinator.sent == [{GOOD: 5, other: 1}, {GOOD: 6, other: 2}, {GOOD: 7}]


async def test_a_refused_commit_without_an_answer_on_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out: the topic may be there."""
    other = TopicPartition("command-acks", 0)
    coordinator = Committing(other)
    monkeypatch.setattr(private_answers, "METADATA_S", 0.01)
    monkeypatch.setattr(coordinator._client, "force_metadata_update", asyncio.get_running_loop().create_future)
    for _ in range(2):
        with pytest.raises(UnknownTopicOrPartitionError):
            await coordinator.commit({other: 2})
    assert coordinator.sent == [{other: 2}] * 2


def test_a_version_that_was_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing private is looked at."""
    monkeypatch.setattr("aiokafka.__version__", "9.0")
    nothing: Any = SimpleNamespace()
    assert denied_topics(nothing) == set()
