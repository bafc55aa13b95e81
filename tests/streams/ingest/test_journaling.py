"""Writing to the journal: which message goes to which partition, and what is waited for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata, TopicPartition

from connectors.kafka import clients
from streams.cells import CellRecord, SourcePartition
from streams.clock import WallTime
from streams.ingest.journaling import LIMIT_S, SETTINGS_S, JournalWriter, LearnedLimit
from streams.journal import BUNDLE_BYTES, Partial, Partials, Progress, SourceProgress, decode, encode
from streams.runtime.settings import Settings

SETTINGS = Settings(worker_id="worker-1")
TOPICS = SETTINGS.topics
PARTITIONS = 3
BROKER_TIME = 1_767_225_600_000
LARGEST = clients.LARGEST_MESSAGE
PROGRESS = encode(Progress(worker="worker-1", wall=1, sources=[]))


class RecordingProducer:
    """Keeps what is sent: topic, value, and the options. Each message is acknowledged in a moment, at `BROKER_TIME`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, dict[str, Any]]] = []
        self.acknowledged = 0
        self.largest = 1 << 30

    async def partitions_for(self, _topic: str) -> set[int]:
        """Return the partitions of a topic."""
        return set(range(PARTITIONS))

    async def send(self, topic: str, value: bytes, **options: Any) -> asyncio.Task[RecordMetadata]:
        """Keep a message."""
        self.sent.append((topic, value, options))
        return asyncio.create_task(self._acknowledge(len(value)))

    async def send_and_wait(self, topic: str, value: bytes, **options: Any) -> RecordMetadata:
        """Keep a message, and wait for its ack."""
        return await (await self.send(topic, value, **options))

    async def _acknowledge(self, size: int) -> RecordMetadata:
        await asyncio.sleep(0)
        if size > self.largest:
            raise MessageSizeTooLargeError
        self.acknowledged += 1
        return RecordMetadata("t", 0, TopicPartition("t", 0), 0, BROKER_TIME, 1, 0)


def a_writer(producer: RecordingProducer, clock: Callable[[], float] = lambda: 0.0) -> JournalWriter:
    """Return a writer that sends through this producer."""
    return JournalWriter(producer, SETTINGS, clock)


def a_partial(rollout: str, start: int = 0) -> Partial:
    """Return a version without cells."""
    return Partial(rollout=rollout, source=SourcePartition("e", 0), start=start, upto=99, final=False, cells=[])


async def written(writer: JournalWriter, partials: list[Partial]) -> None:
    """Write partials and progress to each partition, and wait for all."""
    shares = await writer.shares(partials)
    values = {number: [version.value for version in share.values()] for number, share in shares.items()}
    await asyncio.gather(*[writer.write(number, share, PROGRESS) for number, share in values.items()])


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
    progress = writer.progress([source], WallTime(1_234, 1_230), {"e": 3})
    assert decode(progress) == Progress(
        worker="worker-1",
        wall=1_234,
        sources=[source],
        partitions={"e": 3},
        broker=1_230,
        settings=SETTINGS.shared,
    )
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
    assert time.broker is not None
    assert time.broker >= BROKER_TIME  # from the acks before


def test_a_lane_is_named_by_its_journal_partition() -> None:
    """As health shows it."""
    assert a_writer(RecordingProducer()).lane(1).name == "gate-journal partition 1"


def test_settings_are_reported_now_and_then() -> None:
    """With the first progress, and with one every ten seconds: they take as much room as the rest of it."""
    now = [0.0]
    writer = a_writer(RecordingProducer(), lambda: now[0])
    given = []
    for seconds in (0.0, 1.0, SETTINGS_S, SETTINGS_S + 1):
        now[0] = seconds
        record = decode(writer.progress([], WallTime(1_234, None), {}))
        assert isinstance(record, Progress)
        given.append(record.settings)
    assert given == [SETTINGS.shared, None, SETTINGS.shared, None]
