"""Writing to the journal: which message goes to which partition, and what is waited for."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from connectors.kafka.topics import TopicNames
from streams.cells import CellRecord, SourcePartition
from streams.ingest.journaling import LIMIT_S, JournalWriter, LearnedLimit
from streams.journal import BUNDLE_BYTES, Partial, Partials, Progress, SourceProgress, decode, encode

TOPICS = TopicNames()
PARTITIONS = 3
LARGEST = clients.LARGEST_MESSAGE
PROGRESS = encode(Progress(worker="worker-1", wall=1, sources=[]))


class RecordingProducer:
    """Keeps what is sent: topic, value, and the options. Each message is acknowledged in a moment."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, dict[str, Any]]] = []
        self.acknowledged = 0
        self.largest = 1 << 30

    async def partitions_for(self, _topic: str) -> set[int]:
        """Return the partitions of a topic."""
        return set(range(PARTITIONS))

    async def send(self, topic: str, value: bytes, **options: Any) -> asyncio.Task[None]:
        """Keep a message."""
        self.sent.append((topic, value, options))
        return asyncio.create_task(self._acknowledge(len(value)))

    async def send_and_wait(self, topic: str, value: bytes, **options: Any) -> None:
        """Keep a message, and wait for its ack."""
        await (await self.send(topic, value, **options))

    async def _acknowledge(self, size: int) -> None:
        await asyncio.sleep(0)
        if size > self.largest:
            raise MessageSizeTooLargeError
        self.acknowledged += 1


def a_writer(producer: RecordingProducer) -> JournalWriter:
    """Return a writer that sends through this producer."""
    return JournalWriter(producer, TOPICS, "worker-1")


def a_partial(rollout: str, start: int = 0) -> Partial:
    """Return a version without cells."""
    return Partial(rollout=rollout, source=SourcePartition("e", 0), start=start, upto=99, final=False, cells=[])


async def written(writer: JournalWriter, partials: list[Partial]) -> None:
    """Write partials and progress to each partition, and wait for all."""
    shares = await writer.shares(partials)
    await asyncio.gather(*[writer.write(number, share.values(), PROGRESS) for number, share in shares.items()])


async def test_partials_are_bundled_by_journal_partition() -> None:
    """All partials for one partition share a message, in order, at the partition of their rollouts."""
    producer = RecordingProducer()
    partials = [a_partial(f"r{number % 5}", start=number) for number in range(20)]
    await written(a_writer(producer), partials)
    expected: dict[int, list[Partial]] = {}
    for partial in partials:
        expected.setdefault(clients.partition_for(partial.rollout, PARTITIONS), []).append(partial)
    assert len(expected) > 1
    sent = [(options["partition"], decode(value)) for _, value, options in producer.sent]
    assert {number: record for number, record in sent if isinstance(record, Partials)} == {
        number: Partials(partials=share) for number, share in expected.items()
    }
    assert {topic for topic, *_ in producer.sent} == {TOPICS.journal}
    assert len(sent) == len(expected) + PARTITIONS  # the progress is written to each


async def test_dead_letters_keep_their_key() -> None:
    """A letter is its bytes, with its key and headers."""
    producer = RecordingProducer()
    letter = DeadLetter("e", 0, 7, 0, "bad_json", "broken", b"key", b"{")
    await a_writer(producer).write_letters([letter])
    assert producer.sent == [(TOPICS.dead_letters, b"{", {"key": b"key", "headers": letter.headers()})]


async def test_a_dead_letter_that_is_too_large_goes_by_its_place() -> None:
    """Without key and value; a topic that does not take that either is an error."""
    producer = RecordingProducer()
    producer.largest = 100
    letter = DeadLetter("e", 0, 7, 0, "bad_json", "broken", b"key", b"{" * 101)
    await a_writer(producer).write_letters([letter])
    _, (topic, value, options) = producer.sent
    assert (topic, value, options["headers"]) == (TOPICS.dead_letters, b"", letter.without_bytes().headers())
    assert dict(options["headers"])["detail"] == b"(its 101 bytes were not kept) broken"
    producer.largest = -1
    with pytest.raises(MessageSizeTooLargeError):
        await a_writer(producer).write_letters([letter])


def a_large_partial(start: int, cells: int) -> Partial:
    """Return a version of about 60 bytes a cell, of two cohorts and of probes."""
    records = [
        CellRecord(cohort, 1_767_225_600_000 + at, (0, 2, 0, 0, 0, 0, 0), [], [], synthetic, None, 1)
        for at in range(cells)
        for cohort, synthetic in (("canary", False), ("stable", False), ("canary", True))
    ]
    source = SourcePartition("e", 0)
    return Partial(
        rollout="r", source=source, start=start, upto=start + 9, final=True, cells=records, refused={"canary": 5}
    )


async def test_a_version_that_the_journal_refuses_is_written_without_its_cells() -> None:
    """After some tries the size that fits is found; the requests are refused, and smaller versions are whole."""
    producer = RecordingProducer()
    producer.largest = 1_000_000  # Kafka's default, about
    writer, large, small = a_writer(producer), a_large_partial(0, 10_000), a_large_partial(9, 100)
    assert len(encode(large)) > 1_500_000
    assert writer.trouble == ""
    for _ in range(3):  # each time ingest counts again
        producer.sent.clear()
        with contextlib.suppress(MessageSizeTooLargeError):
            await written(writer, [large, small])
            break
    (value,) = [value for _, value, _ in producer.sent if b"partials" in value]
    assert decode(value) == Partials(partials=[large.without_cells(), small])
    assert large.without_cells().refused == {"canary": 30_005, "stable": 30_000}
    assert (large.without_cells().upto, large.without_cells().cells) == (9, [])
    assert "gate-journal refuses messages of " in writer.trouble
    assert "set its max.message.bytes to 4194304" in writer.trouble


def test_a_limit_is_learned_for_a_while() -> None:
    """It is halved down to what any journal takes, and tried again later."""
    now = [0.0]
    limit = LearnedLimit(lambda: now[0])
    for size, most in [
        (BUNDLE_BYTES, LARGEST),
        (4_000_000, 2_000_000),
        (3_000_000, 1_500_000),
        (400_000, BUNDLE_BYTES),
    ]:
        limit.refuse(size)
        assert limit.bytes == most
    now[0] = LIMIT_S - 1
    assert limit.bytes == BUNDLE_BYTES
    now[0] = LIMIT_S
    assert limit.bytes == LARGEST


async def test_progress_is_written_after_the_counts() -> None:
    """It is not sent before they are acknowledged. Without progress the time is written."""
    producer = RecordingProducer()
    writer = a_writer(producer)
    source = SourceProgress(SourcePartition("e", 0), 8, None, True)
    progress = writer.progress([source], 1_234, {"e": 3})
    assert decode(progress) == Progress(worker="worker-1", wall=1_234, sources=[source], partitions={"e": 3})
    await writer.write(2, [encode(a_partial("r"))], progress)
    assert [options["partition"] for _, _, options in producer.sent] == [2, 2]
    assert producer.sent[-1][1] == progress
    assert producer.acknowledged == 2
    producer.largest = 0
    with pytest.raises(MessageSizeTooLargeError):
        await writer.write(2, [encode(a_partial("r"))], progress)
    assert len(producer.sent) == 3
    producer.largest = 1 << 30
    await writer.write(2, [], None)
    time = decode(producer.sent[-1][1])
    assert isinstance(time, Progress)
    assert (time.sources, time.partitions) == ([], {})


def test_lanes_are_named_by_what_they_write_to() -> None:
    """That of the dead letters is a side lane."""
    writer = a_writer(RecordingProducer())
    assert [(lane.name, lane.side) for lane in map(writer.lane, (1, None))] == [
        ("gate-journal partition 1", False),
        (TOPICS.dead_letters, True),
    ]
