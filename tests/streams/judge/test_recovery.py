"""A judge takes over journal partitions: between its rounds, each once, and none that was taken from it meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable

import orjson
import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import REGISTRY

from connectors.kafka.topic_reader import StalledError, TopicsMissingError
from streams.journal import Progress, encode
from streams.judge import held_reports, recovery, service
from streams.judge.fold import Fold
from streams.judge.published import Published
from streams.judge.recovery import UndecidedError
from streams.judge.service import Judge
from streams.judge.set_aside import SetAside
from streams.judge.snapshots import PARTITION_KEY, SnapshotSet, partition_snapshot, snapshot
from streams.judge.truncation import Truncation
from streams.runtime.health import Health
from streams.runtime.settings import Settings
from tests.streams.judge.test_published import decision

TOPIC = "gate-journal"
OURS = {TopicPartition(TOPIC, number) for number in range(3)}


class Journal:
    """As much of a consumer as a judge needs that finds what it is given."""

    def __init__(self) -> None:
        self.begins = 0
        self.judged: int | None = None
        self.paused: set[TopicPartition] = set()
        self.seeks: list[tuple[int, int]] = []
        self.fetched: list[list[ConsumerRecord]] = []

    async def getmany(self, **_: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """What was fetched of partition 0, a list a time; then nothing."""
        return {TopicPartition(TOPIC, 0): self.fetched.pop(0)} if self.fetched else {}

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the journal begins; it takes a moment to ask."""
        await asyncio.sleep(0)
        return dict.fromkeys(partitions, self.begins)

    async def committed(self, _: TopicPartition) -> int | None:
        """How far the group has judged."""
        return self.judged

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
    """The snapshots of every partition, and who reads them; `held` keeps what is being read back.

    `published` is what `gate-decisions` has, `refused` why it cannot be read, `since` from when on it was read,
    and `leaderless` its partitions without a leader. With `only`, no other partition has a snapshot.
    """

    def __init__(self) -> None:
        self.published: list[bytes] = []
        self.refused: list[Exception] = []
        self.leaderless: set[int] = set()
        self.only: int | None = None
        self.since: list[int | None] = []
        self.held = asyncio.Event()
        self.held.set()
        self.read: list[int] = []
        self.records = [*snapshot(Fold(0))]

    async def to_end(
        self,
        _: Settings,
        topic: str,
        *,
        partitions: list[int] | None = None,
        since_ms: int | None = None,
        leaderless: set[int] | None = None,
        patience_s: float = 0.0,
    ) -> AsyncIterator[ConsumerRecord]:
        """As `connectors.kafka.topic_reader.read_to_end`."""
        if partitions is None:
            self.since.append(since_ms)
            if self.refused:
                raise self.refused.pop()
            if leaderless is not None:
                leaderless |= self.leaderless
            for offset, value in enumerate(self.published):
                yield ConsumerRecord(topic, 0, offset, 0, 0, b"r", value, None, 0, 0, ())
            return
        self.read += partitions
        await self.held.wait()
        for offset, (key, value) in enumerate(self.records if self.only in (None, *partitions) else []):
            yield ConsumerRecord("gate-snapshots", partitions[0], offset, 0, 0, key, value, None, 0, 0, ())


@pytest.fixture
async def snapshots(monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    """What the judge reads."""
    found = Snapshots()
    monkeypatch.setattr(recovery, "read_to_end", found.to_end)
    return found


@pytest.fixture
async def judge(snapshots: Snapshots) -> Judge:
    """A judge that has its partitions from the group, and no fold yet."""
    known = Judge(Settings(), Health())
    known.use(Journal())
    known.joined(OURS)
    return known


async def test_what_comes_is_recovered_between_rounds(judge: Judge, snapshots: Snapshots) -> None:
    """Not while the group hands it out, when no heartbeat is sent; one a round, each once; then it is ready."""
    assert (snapshots.read, judge._consumer.paused) == ([], OURS)
    for number in range(3):
        assert not judge._pulse.ready
        await judge._round()
        assert snapshots.read == sorted(judge._recovery.folds) == [*range(number + 1)]
    await judge._round()
    assert judge._pulse.ready
    assert snapshots.read == [0, 1, 2]
    assert (judge._consumer.seeks, judge._consumer.paused) == ([(0, 0), (1, 0), (2, 0)], set())


@pytest.mark.parametrize("begins", [0, 5], ids=["whole", "truncated"])
async def test_what_is_revoked_meanwhile_gets_no_fold(judge: Judge, snapshots: Snapshots, begins: int) -> None:
    """A partition of another judge is not refused, sought or read. When it is given back, it is recovered again."""
    judge._consumer.begins = begins
    snapshots.held.clear()
    taking = asyncio.create_task(judge._round())
    while not snapshots.read:
        await asyncio.sleep(0)
    for number in range(3):
        judge.release(number)
    snapshots.held.set()
    await taking
    await judge._round()
    assert (judge._recovery.folds, judge._consumer.seeks, snapshots.read) == ({}, [], [0])
    assert 0 not in judge._recovery.truncated
    judge._consumer.begins = 0
    judge.joined({TopicPartition(TOPIC, 0)})
    await judge._round()
    assert (list(judge._recovery.folds), snapshots.read) == ([0], [0, 0])


async def test_the_loop_goes_on_while_folds_are_rebuilt(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restoring is work of seconds where rollouts are many: heartbeats are sent all the same."""
    beaten = threading.Event()

    async def heartbeats() -> None:
        for _ in range(5):
            await asyncio.sleep(0.01)
        beaten.set()

    def slowly(_: SnapshotSet) -> Fold:
        assert beaten.wait(60), "the loop stood still"
        return Fold(0)

    monkeypatch.setattr(SnapshotSet, "fold", slowly)
    beating = asyncio.create_task(heartbeats())
    await judge._recovery.recover(0)
    await beating


async def test_what_cannot_be_used_is_named(
    judge: Judge, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    """The judge warns with the key, and folds the journal from its beginning."""
    snapshots.records = [(PARTITION_KEY, b'{"schema": "sluicegate.snapshot/v4", "offset": 7}')]
    with caplog.at_level(logging.WARNING):
        await judge._round()
    assert judge._recovery.folds[0].offset == -1
    assert judge._consumer.seeks == [(0, 0)]
    assert repr(PARTITION_KEY) in caplog.text


async def test_without_snapshots_a_truncated_journal_is_refused(judge: Judge, snapshots: Snapshots) -> None:
    """A journal that no longer begins at 0 cannot replace snapshots without content."""
    judge._consumer.begins = 5
    snapshots.records = [(PARTITION_KEY, b"nobody's")]
    for number in range(3):
        await judge._recovery.recover(number)
        assert number in judge._recovery.truncated
    assert (judge._recovery.folds, judge._recovery.due, judge._consumer.paused) == ({}, set(), OURS)


def record(offset: int) -> ConsumerRecord:
    """Return a record of the journal that differs from every other."""
    value = encode(Progress(worker="w", wall=1_767_225_600_000 + offset, sources=[]))
    return ConsumerRecord(TOPIC, 0, offset, offset, 0, None, value, None, 0, len(value), ())


@pytest.fixture
async def folding(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """A judge that has folded partition 0 up to offset 10."""
    for _ in range(3):
        await judge._round()
    monkeypatch.setattr(judge, "_observe", lambda *_: None)
    monkeypatch.setattr(Truncation, "unreported", set())
    judge._snapshots._settings = Settings(snapshot_interval_ms=1 << 62)
    judge._consumer.fetched = [[record(0), *map(record, range(1, 11))]]
    await judge._round()
    judge._consumer.seeks.clear()
    assert judge._recovery.folds[0].offset == 10
    return judge


@pytest.mark.parametrize("misplaced", [[5, 6], [17, 18]], ids=["behind", "ahead"])
async def test_what_was_fetched_for_another_fold_is_asked_for_again(folding: Judge, misplaced: list[int]) -> None:
    """It is neither a truncated journal nor a gap: folding continues after the last record, and nothing is missing."""
    folding._consumer.fetched = [[*map(record, misplaced)], [record(10), record(11)], [record(12)]]
    await folding._round()
    assert (folding._consumer.seeks, folding._recovery.folds[0].offset) == ([(0, 10)], 10)
    await folding._round()
    await folding._round()
    assert (folding._consumer.seeks, folding._recovery.folds[0].offset) == ([(0, 10)], 12)
    assert 0 not in folding._recovery.truncated


async def test_what_does_not_fit_twice_is_missing(folding: Judge) -> None:
    """Behind it is another journal; ahead it is a gap in offsets, if the journal still begins before it."""
    folding._consumer.fetched = [[record(12)], [record(12)]]
    await folding._round()
    await folding._round()
    assert folding._recovery.folds[0].offset == 12
    folding._consumer.fetched = [[record(3)], [record(3)]]
    await folding._round()
    assert 0 in folding._recovery.folds
    await folding._round()
    assert 0 not in folding._recovery.folds
    assert 0 in folding._recovery.truncated


async def test_a_record_that_is_none_is_behind_us(folding: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is put aside once, and a judge that continues from there recognizes the journal by it."""
    monkeypatch.setattr(folding._publisher, "send_dead_letter", lambda *_: None)
    none = record(11)
    none.value = b"nonsense"
    folding._consumer.fetched = [[none]]
    await folding._round()
    fold = Fold(0)
    fold.offset, fold.digest = folding._recovery.folds[0].offset, folding._recovery.folds[0].digest
    assert fold.offset == 11
    folding._recovery.folds[0] = fold
    folding._consumer.fetched = [[none, record(12)]]
    await folding._round()
    assert fold.offset == 12


async def test_a_fold_from_the_beginning_waits_for_what_was_published(judge: Judge, snapshots: Snapshots) -> None:
    """Without it a decision could be undone; the partition is due until it can be read."""
    snapshots.records.clear()
    snapshots.refused = [TopicsMissingError("no such topic"), TimeoutError("silent")]
    for _ in range(2):
        with pytest.raises(UndecidedError, match="cannot be folded while gate-decisions cannot be read"):
            await judge._recovery.recover(0)
        assert (0 in judge._recovery.due, judge._recovery.folds) == (True, {})
    await judge._recovery.recover(0)
    assert list(judge._recovery.folds) == [0]
    assert snapshots.since == [None] * 3


@pytest.fixture
def failing(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The partitions whose snapshots cannot be read, as long as they are in it."""
    found: list[int] = []

    async def to_end(*_: object, partitions: list[int], **__: object) -> AsyncIterator[ConsumerRecord]:
        if partitions[0] in found:
            raise StalledError("cannot read gate-snapshots")
        for offset, (key, value) in enumerate(snapshot(Fold(partitions[0]))):
            yield ConsumerRecord("gate-snapshots", partitions[0], offset, 0, 0, key, value, None, 0, 0, ())

    async def published(_: Fold) -> Published:
        return Published()

    monkeypatch.setattr(recovery, "read_to_end", to_end)
    monkeypatch.setattr(judge._recovery, "_published", published)
    return found


async def test_one_that_cannot_be_recovered_waits_alone(
    judge: Judge, failing: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """The others are recovered and judged; it is tried again after a while, and is named meanwhile."""
    failing.append(0)
    for _ in range(5):
        await judge._round()
    assert (sorted(judge._recovery.folds), judge._recovery.due) == ([1, 2], {0})
    assert judge._attempts.failing == "journal partition 0 cannot be recovered: StalledError"
    assert not judge._attempts.pending
    assert caplog.text.count("journal partition 0 cannot be recovered, next try in 1 s: StalledError") == 1
    failing.clear()
    judge._attempts._failures[0] = judge._attempts._failures[0]._replace(again_at=0.0)
    await judge._round()
    assert (sorted(judge._recovery.folds), judge._attempts.failing) == ([0, 1, 2], "")


async def test_a_recovery_that_takes_long_delays_no_other_partition(judge: Judge, snapshots: Snapshots) -> None:
    """Rounds go on meanwhile; a stop ends it."""
    snapshots.held.clear()
    for _ in range(3):
        await judge._round()
    assert (snapshots.read, judge._attempts.pending) == ([0], True)
    await judge._attempts.stop()
    snapshots.held.set()
    assert judge._recovery.folds == {}


async def test_a_fold_from_snapshots_goes_on_without(
    judge: Judge, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    """It makes the decisions of a few seconds again; what was published before is not read."""
    fold = Fold(0)
    fold.apply(Progress(worker="w", wall=1_767_225_600_000, sources=[]), 4)
    snapshots.records = snapshot(fold)
    snapshots.refused = [TopicsMissingError("no such topic")]
    await judge._recovery.recover(0)
    assert judge._recovery.folds[0].offset == 4
    assert "without a look at all of gate-decisions: no such topic" in caplog.text
    assert snapshots.since == [1_767_225_000_000]


async def test_a_partition_of_the_decisions_without_a_leader(
    judge: Judge, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are read, so that their rollouts are compared; a fold from the beginning waits."""
    fold = Fold(0)
    fold.apply(Progress(worker="w", wall=1_767_225_600_000, sources=[]), 4)
    snapshots.leaderless = {2}
    snapshots.published = [orjson.dumps(decision(1, offset=9).document())]
    snapshots.records.clear()
    with pytest.raises(UndecidedError, match=r"gate-decisions partitions \[2\] have no leader"):
        await judge._recovery.recover(0)
    snapshots.records = snapshot(fold)
    await judge._recovery.recover(0)
    assert judge._recovery.published[0].partitions == {"checkout-v2": 0}
    assert not judge._recovery.published[0].complete
    assert "without a look at all of gate-decisions" in caplog.text


@pytest.mark.parametrize("own", [True, False], ids=["its own snapshot", "that of the first partition"])
@pytest.mark.parametrize("used", [2, 3])
async def test_another_number_of_partitions_in_use(snapshots: Snapshots, *, own: bool, used: int) -> None:
    """It is given up, also where all rollouts have ended: one that starts again would begin at epoch 1."""
    snapshots.records = [partition_snapshot(Fold(0), 2)]
    snapshots.only = None if own else 0
    judge = Judge(Settings().with_journal(used), Health())
    judge.use(Journal())
    judge.joined(OURS)
    await judge._recovery.recover(1)
    assert (1 in judge._recovery.truncated, 1 in judge._recovery.folds) == (used == 3, used == 2)
    assert ("2 partitions were in use, and now 3 are" in judge._pulse.trouble) == (used == 3)


async def test_one_that_is_set_aside_is_reported_by_each_judge(judge: Judge, snapshots: Snapshots) -> None:
    """The judge before may not have come to it; the metric is of the partitions that are owned."""
    fold = Fold(0)
    fold.offset = 4
    fold.put_aside("r", SetAside(why="of a newer build"))
    snapshots.records = snapshot(fold)
    await judge._recovery.recover(0)
    assert judge._recovery.unreported == {"r": "of a newer build"}
    judge.release(0)
    assert judge._recovery.published == {}


async def test_a_record_of_a_newer_build_sets_its_rollout_aside(
    folding: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is put aside as well; the status of the rollout has the reason, unless it has ended."""
    sent: list[tuple[str, object]] = []

    def send_status(name: str, document: dict[str, object]) -> None:
        sent.append((name, document["reason"]))

    async def statuses(_: Settings, reason: Callable[[str], str | None]) -> list[tuple[str, dict[str, object]]]:
        return [(name, {"reason": why}) for name in ("r", "other") if (why := reason(name)) is not None]

    monkeypatch.setattr(folding._publisher, "send_dead_letter", lambda *_: None)
    monkeypatch.setattr(folding._sender, "put_status", send_status)
    monkeypatch.setattr(held_reports, "held_statuses", statuses)
    newer = [record(11), record(12)]
    for each in newer:
        each.value = b'{"schema": "sluicegate.control/v2", "rollout": "r"}'
    folding._consumer.fetched = [newer]
    await folding._round()
    await asyncio.sleep(0)
    aside = folding._recovery.folds[0].set_aside["r"]
    assert sent == [("r", aside.why)]
    assert "sluicegate.control/v2" in aside.why
    assert folding._recovery.unreported == {}
    await folding._round()
    assert len(sent) == 1
    assert REGISTRY.get_sample_value("sluicegate_escalations_total", {"rollout": "r"}) == 1


async def test_partitions_that_are_not_used_are_not_judged(snapshots: Snapshots) -> None:
    """They were added to the journal; the group assigns them all the same."""
    judge = Judge(Settings().with_journal(2), Health())
    judge.use(Journal())
    judge.joined(OURS)
    for _ in range(3):
        await judge._round()
    assert snapshots.read == [0, 1]
    assert judge._pulse.ready


@pytest.mark.parametrize("used", [1, 3])
async def test_rollouts_that_would_be_elsewhere(snapshots: Snapshots, used: int) -> None:
    """A published decision shows that its rollout is in another partition now: nothing is judged, with the way out."""
    judge = Judge(Settings().with_journal(used), Health())
    judge.use(Journal())
    judge.joined({TopicPartition(TOPIC, 0)})
    snapshots.published = [b"junk", orjson.dumps(decision().document())]
    await judge._recovery.recover(0)
    assert 0 in judge._recovery.folds if used == 1 else 0 in judge._recovery.truncated
    assert ("make gate-snapshots again" in judge._pulse.trouble) == (used == 3)


async def test_failures_that_last_are_named_by_health(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the first ones: a broker that is restarted fails a few rounds."""
    monkeypatch.setattr(service, "RETRY_SECONDS", 0.0)
    await judge._recover_from(KafkaError())
    assert judge._pulse.failed == ""
    judge._pulse.last -= 60
    await judge._recover_from(KafkaError())
    assert judge._pulse.failed == "judging fails: KafkaError"
