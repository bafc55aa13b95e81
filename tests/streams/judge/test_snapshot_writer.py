"""Snapshots are written beside the fold, after the decisions before them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, KafkaError, MessageSizeTooLargeError
from aiokafka.structs import TopicPartition

from streams.judge import snapshot_writer
from streams.judge.fold import Fold
from streams.judge.snapshot_writer import SnapshotWriter
from streams.judge.snapshots import PARTITION_KEY, SnapshotSet
from streams.runtime.health import Health
from streams.runtime.settings import Settings
from tests.properties.hand import a_policy
from tests.properties.journals import ROLLOUT
from tests.streams.judge.test_set_aside import a_start

OTHER = "other"


class Topic:
    """The topic of snapshots: it refuses those of the keys in `refused`, and answers only while it is `open`."""

    def __init__(self) -> None:
        self.refused: dict[bytes, Exception] = {}
        self.accepted: list[tuple[bytes, bytes]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, topic: str, value: bytes, *, key: bytes, partition: int) -> asyncio.Task[None]:
        """Send, and give the future of the answer."""

        async def answer() -> None:
            await self.open.wait()
            if key in self.refused:
                raise self.refused[key]
            self.accepted.append((key, value))

        return asyncio.ensure_future(answer())

    async def stop(self) -> None:
        """Disconnect."""


class Group:
    """The offsets that were committed."""

    def __init__(self) -> None:
        self.committed: list[int] = []
        self.error: Exception | None = None

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit."""
        if self.error is not None:
            raise self.error
        self.committed += offsets.values()


class Written:
    """A writer, its topic and group, a fold of two rollouts, and whether decisions are accepted."""

    def __init__(self) -> None:
        self.health, self.topic, self.group, self.accepted = Health(), Topic(), Group(), True
        writer: Any = SnapshotWriter(Settings(snapshot_interval_ms=100), self.health.pulse("judge"), self.settle)
        writer._producer = self.topic
        self.writer = writer
        self.fold = Fold(0)
        for offset, name in enumerate((ROLLOUT, OTHER)):
            self.fold.offset = offset
            self.fold.apply(a_start(offset, rollout=name, policy=a_policy(rollout=name)), offset)

    async def settle(self, partition: int, seconds: float) -> bool:
        """Whether decisions are accepted."""
        return self.accepted

    async def write(self) -> None:
        """Let one snapshot be written, or fail."""
        await self.begin()
        await asyncio.gather(*self.writer._writing.values())

    async def begin(self) -> None:
        """Begin with it."""
        consumer: Any = self.group
        await self.writer.write_due({0: self.fold}, consumer)
        self.fold.marks.wall += 100
        await self.writer.write_due({0: self.fold}, consumer)

    def recovered(self) -> Fold:
        """The fold that the accepted snapshots give."""
        found = SnapshotSet(0)
        for key, value in self.topic.accepted:
            found.add(key, value)
        return found.fold()


@pytest.fixture
async def written() -> Written:
    """A writer that has written nothing."""
    return Written()


async def test_the_partitions_own_is_sent_last_and_committed(written: Written) -> None:
    """While it is written, the fold goes on; the snapshot is of the time before."""
    written.topic.open.clear()
    await written.begin()
    written.fold.offset = 9
    await written.begin()  # one at a time
    written.topic.open.set()
    await asyncio.gather(*written.writer._writing.values())
    assert sorted(key for key, _ in written.topic.accepted[:-1]) == sorted([ROLLOUT.encode(), OTHER.encode()])
    assert written.topic.accepted[-1][0] == PARTITION_KEY
    assert (written.recovered().offset, sorted(written.recovered().rollouts)) == (1, sorted([ROLLOUT, OTHER]))


async def test_decisions_that_are_not_accepted_hold_it_back(written: Written) -> None:
    """Those in a snapshot would never be published again."""
    written.accepted = False
    await written.write()
    assert (written.topic.accepted, written.group.committed) == ([], [])
    written.accepted = True
    await written.write()
    assert written.group.committed == [2]


@pytest.mark.parametrize("refused", [OTHER.encode(), PARTITION_KEY], ids=["a rollout's", "the partition's"])
async def test_what_is_refused_is_written_again(written: Written, refused: bytes) -> None:
    """Before any index names it; meanwhile health shows it, and a restart folds from the snapshots before."""
    written.topic.refused[refused] = MessageSizeTooLargeError()
    for _ in range(2):
        await written.write()
    why = "gate-snapshots does not accept snapshots (MessageSizeTooLargeError)"
    assert written.health.alive() == (False, {"judge": why})
    assert (written.recovered().offset, written.group.committed) == (-1, [])
    written.topic.refused.clear()
    await written.write()
    assert (written.recovered().offset, sorted(written.recovered().rollouts)) == (1, sorted([ROLLOUT, OTHER]))
    assert (written.health.alive()[0], written.group.committed) == (True, [2])


async def test_a_topic_that_does_not_answer_is_shown(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it does, or the partition is another judge's; a stop gives it up."""
    monkeypatch.setattr(snapshot_writer, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(snapshot_writer, "LONGEST_WAIT_S", 0.01)
    written.topic.open.clear()
    await written.begin()
    async with asyncio.timeout(60):
        while written.health.alive()[0]:
            await asyncio.sleep(0)
    assert written.health.alive()[1] == {"judge": "gate-snapshots does not accept snapshots (it does not answer)"}
    written.writer.release(0)
    assert written.health.alive()[0]
    await written.writer.write_all({0: written.fold}, written.group)
    await written.writer.stop()
    assert written.group.committed == []


async def test_a_stop_writes_all(written: Written) -> None:
    """Whether it is due or not."""
    await written.writer.write_all({0: written.fold}, written.group)
    assert written.group.committed == [2]


async def test_more_than_may_wait_is_sent_in_portions(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fold waits for one before it makes the next; where none is accepted, it goes on without a snapshot."""
    monkeypatch.setattr(snapshot_writer, "MOST_HELD", 1)
    monkeypatch.setattr(snapshot_writer, "LONGEST_WAIT_S", 0.01)
    written.topic.open.clear()
    await written.write()
    assert (written.topic.accepted, written.health.alive()[0]) == ([], False)
    written.topic.open.set()
    await written.write()
    assert sorted(written.recovered().rollouts) == sorted([ROLLOUT, OTHER])


@pytest.mark.parametrize("error", [CommitFailedError(), KafkaError()])
async def test_a_commit_that_fails_is_no_failure(written: Written, error: Exception) -> None:
    """The snapshot is written all the same."""
    written.group.error = error
    await written.write()
    assert (written.recovered().offset, written.health.alive()[0]) == (1, True)


async def test_no_snapshot_of_a_partition_that_moves_while_it_waits() -> None:
    """Its decisions are given up then, not accepted: the next judge makes them again, from the snapshots before."""
    written, consumer = Written(), Group()
    folds = {0: written.fold}

    async def moved(_partition: int, _seconds: float) -> bool:
        folds.clear()
        return True

    written.writer._settle = moved
    await written.writer.write_due(folds, consumer)
    written.fold.marks.wall += 100
    await written.writer.write_due(folds, consumer)
    await asyncio.gather(*written.writer._writing.values())
    assert (written.topic.accepted, consumer.committed) == ([], [])
