"""The folds of the partitions that this judge owns: rebuilt from snapshots, and checked against the journal.

While the group hands out partitions, aiokafka sends no heartbeat, so they are only noted then. When each is recovered
is the matter of streams.judge.attempts.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import chain
from zlib import crc32

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, LeaderNotAvailableError
from aiokafka.structs import ConsumerRecord, TopicPartition

from connectors.error_text import text_of
from connectors.kafka.private_aiokafka import leaderless
from connectors.kafka.topic_reader import TopicsMissingError, read_to_end
from streams.judge.fold import Fold
from streams.judge.misplaced import misplaced, of_fold, used_otherwise
from streams.judge.published import Published
from streams.judge.snapshots import PARTITION_KEY, SnapshotSet
from streams.judge.truncation import Truncation
from streams.runtime import failpoints, rollout_metrics
from streams.runtime.health import Pulse
from streams.runtime.settings import Settings

ANSWER_S = 5.0
"""Seconds within which a partition's leader answers; each partition that waits for it holds up the others so long."""

log = logging.getLogger(__name__)

CLOCKS_DIFFER_MS = 600_000
"""Decisions have the time of the judge that sent them. Those before a snapshot's time by this much are not read."""


class UndecidedError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped
    """A partition must not be judged yet, because what is published about its rollouts is not known."""


class Recovery:
    """The owned partitions: `folds` are judged, `due` are still to be recovered, `truncated` are given up.

    `published` has, of each fold, the decisions that are published and that it makes again. `unreported` are rollouts
    that are set aside, each with the reason, while no status has it yet.
    """

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer[bytes, bytes], pulse: Pulse) -> None:
        self.folds: dict[int, Fold] = {}
        self.due: set[int] = set()
        self.published: dict[int, Published] = {}
        self.unreported: dict[str, str] = {}
        self.truncated = Truncation(settings, pulse)
        self._settings = settings
        self._consumer = consumer
        self._pulse = pulse
        self._doubted: dict[int, Fold] = {}  # whose records did not fit when they were last fetched

    def assign(self, assigned: set[TopicPartition]) -> None:
        """The group assigned these partitions: fetch nothing of them before they have a fold."""
        self._consumer.pause(*assigned)
        self.due = set(self._settings.journal_partitions(partition.partition for partition in assigned))

    def release(self, partition: int) -> None:
        """Another judge has the partition now."""
        self.due.discard(partition)
        fold = self.folds.pop(partition, None)
        self.published.pop(partition, None)
        rollout_metrics.forget_journal_partition(partition, () if fold is None else fold.rollouts)
        self.truncated.release(partition)

    def start_over(self) -> None:
        """Recover every partition again: after a failed send, the folds are ahead of what was published."""
        self.due |= self.folds.keys()
        self.folds.clear()

    @property
    def readable(self) -> set[int]:
        """The partitions to recover that have a leader."""
        return self.due - {each.partition for each in leaderless(self._consumer)}

    async def recover(self, partition: int) -> None:
        """Rebuild a partition's fold from its snapshots, and read on behind it, if the partition is still ours.

        Raises:
            TopicsMissingError, TimeoutError, aiokafka.errors.KafkaError: something that this needs cannot be read.
        """
        found = SnapshotSet(partition)
        async for record in read_to_end(self._settings, self._settings.topics.snapshots, partitions=[partition]):
            found.add(record.key, record.value)
            self._pulse.beat()
        # In a thread: with many rollouts this takes seconds, in which the event loop must send heartbeats.
        fold = await asyncio.to_thread(found.fold)
        for key, why in found.unusable.items():
            log.warning("snapshot partition %d: snapshot of %r is unusable: %s", partition, key, why)
        journal = TopicPartition(self._settings.topics.journal, partition)
        if not await self._is_whole(journal, fold.offset + 1):
            return
        published = await self._published(fold)
        if partition not in self.due:
            return
        used = self._settings.used_partitions
        before = await self._used_before() if found.used is None else found.used
        why = used_otherwise(before, used)
        if why := why or misplaced(chain(of_fold(fold), published.partitions.items()), used):
            self._give_up(journal, why)
            return
        self.due.remove(partition)
        self.folds[partition], self.published[partition] = fold, published
        self.unreported |= {name: aside.why for name, aside in fold.set_aside.items()}
        self._resume(journal, fold)
        log.info("journal partition %d: judging from offset %d", partition, fold.offset + 1)
        failpoints.reached("judge: recovered")

    async def _used_before(self) -> int:
        """How many partitions were in use, as the first one's snapshots have it; 0 if they do not.

        A partition that was added has no snapshot of its own, nor has one whose snapshots were lost.
        """
        first = SnapshotSet(0)
        topic = self._settings.topics.snapshots
        try:
            async for record in read_to_end(self._settings, topic, partitions=[0], patience_s=ANSWER_S):
                if record.key == PARTITION_KEY:
                    first.add(record.key, record.value)
                self._pulse.beat()
        except (KafkaError, TimeoutError, TopicsMissingError) as error:
            log.warning("%s partition 0 cannot be read, and is not compared: %s", topic, text_of(error))
        return first.used or 0

    async def _published(self, fold: Fold) -> Published:
        """What is published about records that the fold is still to see.

        Without snapshots the whole journal is folded again, which must not be done without it. With them it is about a
        few seconds, and judging goes on without.
        """
        folded = {name: max(rollout.snapshot_offset, fold.offset) for name, rollout in fold.rollouts.items()}
        since = None if fold.offset < 0 else fold.marks.wall - CLOCKS_DIFFER_MS
        decisions, unread = self._settings.topics.decisions, set[int]()
        try:
            # Committed once all decisions before it were acknowledged.
            judged = await self._consumer.committed(TopicPartition(self._settings.topics.journal, fold.partition))
            published = Published(judged or 0)
            async for record in read_to_end(self._settings, decisions, since_ms=since, leaderless=unread):
                published.add(record.value, fold.partition, folded, fold.offset)
                self._pulse.beat()
        except (KafkaError, TimeoutError, TopicsMissingError) as error:
            # Not what was read so far: a decision that follows and was not read would look like one that is new.
            return _without(fold, Published(), error)
        if not unread:
            return published
        # What was read is compared. A rollout may have later decisions in the others, where partitions were added.
        published.complete = False
        without = LeaderNotAvailableError(f"{decisions} partitions {sorted(unread)} have no leader")
        return _without(fold, published, without)

    def _resume(self, partition: TopicPartition, fold: Fold) -> None:
        """Read on, beginning with the record that was folded last: it shows whether this is still the same journal."""
        self._consumer.seek(partition, max(fold.offset, 0))
        self._consumer.resume(partition)

    async def continues(
        self, partition: TopicPartition, fold: Fold, records: list[ConsumerRecord[bytes, bytes]]
    ) -> bool:
        """Whether these records come next for the fold; else they are fetched again, or the partition is given up.

        Records that do not fit may have been fetched for an earlier fold of the partition, before a seek. So they are
        fetched once more, beginning with the record that was folded last, which is then removed from the list. What
        still does not fit is missing for good.
        """
        first, needed = records[0].offset, fold.offset + 1
        again = first == fold.offset and fold.digest in (0, digest(records[0]))
        if again or first == needed:
            del records[: int(again)]
            self._doubted.pop(partition.partition, None)
            return True
        if self._doubted.get(partition.partition) is not fold:
            self._doubted[partition.partition] = fold
            self._resume(partition, fold)
            return False
        del self._doubted[partition.partition]
        if first < needed:
            why = f"its records before offset {needed} are not those of the snapshots; was the topic created again?"
            self._give_up(partition, why)
            return False
        # A gap alone is no loss: a broker may leave offsets without a record (transaction markers, for one).
        try:
            return await self._is_whole(partition, needed)
        except (KafkaError, TimeoutError) as error:
            log.warning("journal partition %d: its beginning is not known: %s", partition.partition, text_of(error))
            self._resume(partition, fold)
            return False

    async def _is_whole(self, partition: TopicPartition, needed: int) -> bool:
        """Whether the journal still has the record that a fold needs next."""
        async with asyncio.timeout(ANSWER_S):  # a partition without a leader must not keep the others waiting
            begins: int = (await self._consumer.beginning_offsets([partition]))[partition]
        if begins > needed and partition.partition in self.due | self.folds.keys():
            self._give_up(partition, f"offsets {needed} to {begins - 1} are missing")
        return begins <= needed

    def _give_up(self, partition: TopicPartition, why: str) -> None:
        """Judge the partition no further: decisions from a part of the journal would be guesses."""
        why = f"journal partition {partition.partition} is truncated: {why}"
        log.critical(
            "%s; its rollouts keep their weights and are no longer judged; "
            "restore the topic (docs/reliability.md#a-truncated-journal)",
            why,
        )
        self._consumer.pause(partition)
        self.folds.pop(partition.partition, None)
        self.published.pop(partition.partition, None)
        self.due.discard(partition.partition)
        self.truncated.add(partition.partition, why)


def _without(fold: Fold, published: Published, error: Exception) -> Published:
    """What is published, as far as it is known; a fold that begins at the beginning needs all of it.

    Raises:
        UndecidedError: this is such a fold.
    """
    if fold.offset < 0:
        why = f"it has no snapshot, and cannot be folded while gate-decisions cannot be read: {text_of(error)}"
        raise UndecidedError(why) from error
    log.warning(
        "journal partition %d is judged without a look at all of gate-decisions: %s", fold.partition, text_of(error)
    )
    return published


def digest(record: ConsumerRecord[bytes, bytes]) -> int:
    """A checksum that distinguishes a journal record from another one at its offset; never 0.

    It covers the timestamp too, because a topic that was created again may get the same values.
    """
    return crc32(record.value or b"", record.timestamp & 0xFFFFFFFF) or 1
