"""A judge takes over journal partitions: between its rounds, each once, and none that was taken from it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from streams.health import Health
from streams.judge import service
from streams.judge.fold import Fold
from streams.judge.service import Judge
from streams.judge.snapshots import PARTITION_KEY, Found, snapshot
from streams.settings import Settings

TOPIC = "gate-journal"
OURS = {TopicPartition(TOPIC, number) for number in range(3)}


class Journal:
    """As much of a consumer as a judge needs that finds nothing new."""

    def __init__(self) -> None:
        self.begins = 0
        self.paused: set[TopicPartition] = set()
        self.seeks: list[tuple[int, int]] = []

    async def getmany(self, **_: int) -> dict[TopicPartition, list[object]]:
        """Nothing came."""
        return {}

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the journal begins; it takes a moment to ask."""
        await asyncio.sleep(0)
        return dict.fromkeys(partitions, self.begins)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Remember that."""
        self.seeks.append((partition.partition, offset))

    def pause(self, *partitions: TopicPartition) -> None:
        """Remember that."""
        self.paused |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Forget that."""
        self.paused -= set(partitions)


class Snapshots:
    """The snapshots of every partition, and who reads them; `held` keeps what is being read back."""

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.held.set()
        self.read: list[int] = []
        self.records = [*snapshot(Fold(0))]

    async def to_end(self, _: Settings, __: str, *, partitions: list[int]) -> AsyncIterator[ConsumerRecord]:
        """As `connectors.reading.read_to_end`."""
        self.read += partitions
        await self.held.wait()
        for offset, (key, value) in enumerate(self.records):
            yield ConsumerRecord("gate-snapshots", partitions[0], offset, 0, 0, key, value, None, 0, 0, ())


@pytest.fixture
async def snapshots(monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    """What the judge reads."""
    found = Snapshots()
    monkeypatch.setattr(service, "read_to_end", found.to_end)
    return found


@pytest.fixture
async def judge(snapshots: Snapshots) -> Judge:
    """A judge that has its partitions from the group, and no fold yet."""
    known = Judge(Settings(), Health())
    known._consumer = Journal()
    known.joined(OURS)
    return known


async def test_what_comes_is_recovered_between_rounds(judge: Judge, snapshots: Snapshots) -> None:
    """Not while the group is told of it, when no heartbeat is sent; one a round, each once; then it is ready."""
    assert (snapshots.read, judge._consumer.paused) == ([], OURS)
    for number in range(3):
        assert not judge._pulse.ready
        await judge._round()
        assert snapshots.read == sorted(judge._folds) == [*range(number + 1)]
    await judge._round()
    assert judge._pulse.ready
    assert snapshots.read == [0, 1, 2]
    assert (judge._consumer.seeks, judge._consumer.paused) == ([(0, 0), (1, 0), (2, 0)], set())


@pytest.mark.parametrize("begins", [0, 5], ids=["whole", "truncated"])
async def test_what_is_revoked_meanwhile_gets_no_fold(judge: Judge, snapshots: Snapshots, begins: int) -> None:
    """Nor is it refused, sought or read: it is another judge's. Given back, it is recovered anew."""
    judge._consumer.begins = begins
    snapshots.held.clear()
    recovery = asyncio.create_task(judge._round())
    while not snapshots.read:
        await asyncio.sleep(0)
    for number in range(3):
        judge.release(number)
    snapshots.held.set()
    await recovery
    await judge._round()
    assert (judge._folds, judge._consumer.seeks, snapshots.read) == ({}, [], [0])
    assert 0 not in judge._truncated
    judge._consumer.begins = 0
    judge.joined({TopicPartition(TOPIC, 0)})
    await judge._round()
    assert (list(judge._folds), snapshots.read) == ([0], [0, 0])


async def test_the_loop_goes_on_while_folds_are_rebuilt(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restoring is work of seconds where rollouts are many: heartbeats are sent all the same."""
    beats = 0

    async def heartbeats() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    def slowly(_: Found) -> Fold:
        time.sleep(0.5)
        return Fold(0)

    monkeypatch.setattr(Found, "fold", slowly)
    beating = asyncio.create_task(heartbeats())
    await judge.recover(0)
    beating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beating
    assert beats > 5


async def test_what_cannot_be_used_is_named(
    judge: Judge, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    """The judge warns with the key, and folds the journal from its beginning."""
    snapshots.records = [(PARTITION_KEY, b'{"schema": "sluicegate.snapshot/v1", "offset": 7}')]
    with caplog.at_level(logging.WARNING):
        await judge._round()
    assert judge._folds[0].offset == -1
    assert judge._consumer.seeks == [(0, 0)]
    assert repr(PARTITION_KEY) in caplog.text


async def test_without_snapshots_a_truncated_journal_is_refused(judge: Judge, snapshots: Snapshots) -> None:
    """A journal that no longer begins at 0 cannot replace snapshots that say nothing."""
    judge._consumer.begins = 5
    snapshots.records = [(PARTITION_KEY, b"nobody's")]
    for number in range(3):
        await judge.recover(number)
        assert number in judge._truncated
    assert (judge._folds, judge._due, judge._consumer.paused) == ({}, set(), OURS)
