"""Where ingest begins, against a consumer by hand: committed offsets, deleted records, logs that were created again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiokafka.errors import IllegalStateError, KafkaConnectionError
from aiokafka.structs import TopicPartition

from streams.ingest import taking_over
from streams.ingest.chunks import Chunker
from streams.ingest.taking_over import TakingOver

ONE, OTHER = TopicPartition("e", 1), TopicPartition("e", 2)


@dataclass
class FakeTopic:
    """A topic with this id."""

    topic_id: str = "X"

    async def identity(self) -> str:
        """Return the id."""
        return self.topic_id

    async def identity_or_none(self) -> str | None:
        """Return the id; None if there is no answer."""
        return self.topic_id or None

    async def stop(self) -> None:
        """There is nothing to disconnect."""


@dataclass
class FakeConsumer:
    """Committed offsets and oldest records by partition; the partitions in `away` do not answer."""

    offsets: dict[TopicPartition, int | None]
    oldest: dict[TopicPartition, int]
    away: set[TopicPartition] = field(default_factory=set)
    lost: set[TopicPartition] = field(default_factory=set)
    paused: set[TopicPartition] = field(default_factory=set)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    topic: FakeTopic = field(default_factory=FakeTopic)

    def pause(self, *partitions: TopicPartition) -> None:
        """Fetch nothing of these."""
        self.paused |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetch these again."""
        self.paused -= set(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Fetch from this offset on."""
        if partition in self.lost:
            raise IllegalStateError
        self.positions[partition] = offset

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the group's offset."""
        return self.offsets[partition]

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the oldest offsets."""
        if self.away & set(partitions):
            raise KafkaConnectionError
        return {partition: self.oldest[partition] for partition in partitions}

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return an end for each."""
        return dict.fromkeys(partitions, 100)


def a_taking_over(consumer: FakeConsumer) -> tuple[TakingOver, dict[TopicPartition, Chunker]]:
    """Return what opens partitions of this consumer, and where it puts their chunkers."""
    chunkers: dict[TopicPartition, Chunker] = {}
    return TakingOver(cast("Any", consumer), 60_000, cast("Any", consumer.topic), chunkers.__setitem__), chunkers


async def opened(consumer: FakeConsumer, **options: Any) -> Chunker:
    """Open one partition."""
    found, chunkers = a_taking_over(consumer)
    found.begin([ONE], **options)
    assert consumer.paused == {ONE}
    await asyncio.sleep(0.01)
    assert consumer.paused == set()
    assert consumer.positions[ONE] == chunkers[ONE].place.offset
    return chunkers[ONE]


@pytest.mark.parametrize(
    ("committed", "oldest", "failed", "since"),
    [
        (None, 0, None, 0),  # a new group
        (None, 40, None, 40),
        (90, 40, None, 90),  # the usual case
        (90, 120, None, 120),  # deleted meanwhile
        (90, 120, 90, 120),  # found when it was to be read
        (90, 120, 110, 120),
        (90, 0, 90, 0),  # the group's offsets are not of this topic
    ],
)
async def test_where_it_begins(committed: int | None, oldest: int, failed: int | None, since: int) -> None:
    """At the committed offset, or at the oldest record if that offset is not to be had."""
    chunker = await opened(
        FakeConsumer({ONE: committed}, {ONE: oldest}), failed=None if failed is None else {ONE: failed}
    )
    assert chunker.place == (since, oldest, "X")


async def test_a_topic_that_was_made_again_is_read_from_its_beginning(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is committed: that may be of the topic before."""
    consumer = FakeConsumer({ONE: 90}, {ONE: 3})
    found, chunkers = a_taking_over(consumer)
    found.begin([ONE])
    await asyncio.sleep(0.01)
    consumer.topic.topic_id = "Y"
    found.begin([ONE])
    await asyncio.sleep(0.01)
    assert chunkers[ONE].place == (3, 3, "Y")
    assert "e partition 1 was made again" in caplog.text
    found.begin([ONE])
    await asyncio.sleep(0.01)
    assert chunkers[ONE].place == (90, 3, "Y")


@pytest.mark.parametrize(
    ("topic_id", "committed", "place"), [("X", 90, (100, 3, "X~7")), ("", 90, (3, 3, "~7")), ("", 110, (3, 3, "~7"))]
)
async def test_a_log_that_lost_its_end(
    topic_id: str, committed: int, place: tuple[int, int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its offsets are used again, so they get a mark; without ids it may be another topic, which is read whole.

    The mark stays, whatever is opened after that.
    """
    monkeypatch.setattr(taking_over, "wall_ms", lambda: 7)
    consumer = FakeConsumer({ONE: committed}, {ONE: 3}, topic=FakeTopic(topic_id))
    found, chunkers = a_taking_over(consumer)
    found.begin([ONE])
    await asyncio.sleep(0.01)
    found.begin([ONE], {ONE: 110})
    await asyncio.sleep(0.01)
    assert chunkers[ONE].place == place
    found.begin([ONE])
    await asyncio.sleep(0.01)
    assert chunkers[ONE].place == (committed, 3, place[2])


async def test_deleted_records_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Which offsets were deleted before they were read, and what to do."""
    await opened(FakeConsumer({ONE: 90}, {ONE: 120}))
    assert "e partition 1: offsets 90 to 119 were deleted before this worker read them; keep the topic" in caplog.text


async def test_one_that_does_not_answer_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition without a leader is tried again, beside the others."""
    monkeypatch.setattr(taking_over, "RETRY_SECONDS", 0.01)
    consumer = FakeConsumer({ONE: 5, OTHER: 6}, {ONE: 0, OTHER: 0}, away={ONE})
    found, chunkers = a_taking_over(consumer)
    found.begin([ONE, OTHER])
    await asyncio.sleep(0.03)
    assert set(chunkers) == {OTHER}
    assert consumer.paused == {ONE}
    assert found.failing == "e partition 1 cannot be opened: KafkaConnectionError"
    consumer.away.clear()
    await asyncio.sleep(0.05)
    assert chunkers[ONE].place == (5, 0, "X")
    assert found.failing == ""


@dataclass
class SilentOnce(FakeConsumer):
    """The first question for a committed offset gets no answer, or one that nobody expects."""

    first: Exception | None = None
    asked: int = 0

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the group's offset, from the second question on."""
        self.asked += 1
        if self.asked > 1:
            return await super().committed(partition)
        if self.first is not None:
            raise self.first
        await asyncio.Event().wait()
        return None


@pytest.mark.parametrize("first", [None, KeyError("partition")])
async def test_an_opening_that_hangs_or_fails_is_tried_again(
    first: Exception | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever keeps a partition from being opened, it is named meanwhile; it must not look like one without events."""
    monkeypatch.setattr(taking_over, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(taking_over, "OPEN_S", 0.01)
    consumer = SilentOnce({ONE: 5}, {ONE: 0}, first=first)
    found, chunkers = a_taking_over(consumer)
    found.begin([ONE])
    await asyncio.sleep(0.04)
    why = type(first).__name__ if first else "TimeoutError"
    assert found.failing == f"e partition 1 cannot be opened: {why}"
    assert "e partition 1 cannot be read yet, trying again" in caplog.text
    await asyncio.sleep(0.1)
    assert chunkers[ONE].place == (5, 0, "X")
    assert found.failing == ""


async def test_released_partitions_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions that moved to another worker, before or while they are opened."""
    monkeypatch.setattr(taking_over, "RETRY_SECONDS", 0.01)
    consumer = FakeConsumer({ONE: 5, OTHER: 6}, {ONE: 0, OTHER: 0}, away={ONE}, lost={OTHER})
    found, chunkers = a_taking_over(consumer)
    found.begin([ONE, OTHER])
    await asyncio.sleep(0.02)
    found.release([ONE])
    consumer.away.clear()
    await asyncio.sleep(0.03)
    assert not chunkers
    found.begin([ONE])
    await found.stop()
    await asyncio.sleep(0.01)
    assert not chunkers


async def test_partitions_whose_topic_was_made_again() -> None:
    """As long as the broker does not answer, none."""
    consumer = FakeConsumer({ONE: 5, OTHER: 6}, {ONE: 0, OTHER: 0})
    found, chunkers = a_taking_over(consumer)
    assert await found.outdated(chunkers) == set()
    found.begin([ONE, OTHER])
    await asyncio.sleep(0.01)
    outdated = []
    for consumer.topic.topic_id in ("X", "", "Y"):
        outdated.append(await found.outdated(chunkers))
    assert outdated == [set(), set(), {ONE, OTHER}]
