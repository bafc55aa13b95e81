"""Writing to the journal: which message goes to which partition, and what is waited for."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError

from connectors.kafka import clients
from connectors.kafka.topics import TopicNames
from streams.cells import CellRecord, SourcePartition
from streams.ingest.journaling import LIMIT_S, JournalWriter, LearnedLimit
from streams.journal import BUNDLE_BYTES, Partial, Partials, Progress, SourceProgress, decode, encode

TOPICS = TopicNames()
PARTITIONS = 3
LARGEST = clients.LARGEST_MESSAGE


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


def a_partial(rollout: str) -> Partial:
    """Return a version without cells."""
    return Partial(rollout=rollout, source=SourcePartition("e", 0), start=0, upto=1, final=False, cells=[])


async def test_partials_are_bundled_by_journal_partition() -> None:
    """All partials for one partition share a message, in order, at the partition of their rollouts."""
    producer = RecordingProducer()
    partials = [a_partial(f"r{number % 5}") for number in range(20)]
    sent = await a_writer(producer).send_partials(partials)
    expected: dict[int, list[Partial]] = {}
    for partial in partials:
        expected.setdefault(clients.partition_for(partial.rollout, PARTITIONS), []).append(partial)
    assert len(expected) > 1
    assert {options["partition"]: decode(value) for _, value, options in producer.sent} == {
        number: Partials(partials=share) for number, share in expected.items()
    }
    assert {topic for topic, *_ in producer.sent} == {TOPICS.journal}
    assert len(sent) == len(expected)
    await asyncio.gather(*sent)


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
        answers = await asyncio.gather(*await writer.send_partials([large, small]), return_exceptions=True)
        if answers == [None]:
            break
    ((_, value, _),) = producer.sent
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


async def test_progress_is_written_to_each_partition() -> None:
    """Each judge gets the same report, and the call ends when all are acknowledged."""
    producer = RecordingProducer()
    source = SourceProgress(SourcePartition("e", 0), 8, None, True)
    await a_writer(producer).report_progress([source], 1_234, {"e": 3})
    assert [options["partition"] for _, _, options in producer.sent] == [0, 1, 2]
    assert [decode(value) for _, value, _ in producer.sent] == [
        Progress(worker="worker-1", wall=1_234, sources=[source], partitions={"e": 3})
    ] * PARTITIONS
    assert producer.acknowledged == PARTITIONS
