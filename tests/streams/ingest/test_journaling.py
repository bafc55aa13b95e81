"""Writing to the journal: which message goes to which partition, and what is waited for."""

from __future__ import annotations

import asyncio
from typing import Any

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from connectors.kafka.topics import TopicNames
from streams.cells import SourcePartition
from streams.ingest.journaling import JournalWriter
from streams.journal import Partial, Partials, Progress, SourceProgress, decode

TOPICS = TopicNames()
PARTITIONS = 3


class RecordingProducer:
    """Keeps what is sent: topic, value, and the options. Each message is acknowledged in a moment."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, dict[str, Any]]] = []
        self.acknowledged = 0

    async def partitions_for(self, _topic: str) -> set[int]:
        """Return the partitions of a topic."""
        return set(range(PARTITIONS))

    async def send(self, topic: str, value: bytes, **options: Any) -> asyncio.Task[None]:
        """Keep a message."""
        self.sent.append((topic, value, options))
        return asyncio.create_task(self._acknowledge())

    async def _acknowledge(self) -> None:
        await asyncio.sleep(0)
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


async def test_dead_letters_keep_their_key() -> None:
    """A letter is its bytes, with its key and headers."""
    producer = RecordingProducer()
    letter = DeadLetter("e", 0, 7, 0, "bad_json", "broken", b"key", b"{")
    (sent,) = await a_writer(producer).send_dead_letters([letter])
    assert producer.sent == [(TOPICS.dead_letters, b"{", {"key": b"key", "headers": letter.headers()})]
    await sent


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
