"""The judge: folds its share of the journal's partitions, publishes what comes out, and writes snapshots.

The group's committed offsets are bookkeeping for lag. What it continues from are the snapshots; what it publishes twice
after a crash is the same to the byte and carries the same ids.

aiokafka sends no heartbeat while it tells of new partitions, so then they are only noted. They are recovered between
rounds of judging, one at a time, however long that takes; those that have been recovered are judged in between.
"""

from __future__ import annotations

import asyncio
from typing import Any
from zlib import crc32

import msgspec
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from mode import Service

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from connectors.kafka.consumer_progress import answered, end_of
from connectors.kafka.topic_reader import read_to_end
from connectors.signing.keys import keyring
from gates.decisions import Action, Command, Decision
from streams.journal import decode, encode_document
from streams.judge.fold import Acknowledged, Fold, Foreign, Late, Outcome, Status
from streams.judge.replay_guard import ReplayedError
from streams.judge.snapshots import Found, snapshot
from streams.judge.truncation import Truncation
from streams.runtime import failpoints, metrics
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.settings import Settings

RETRY_SECONDS = 1.0

MOST_TAKEN = 200
"""Records taken at once: each may close a pane of every rollout, or hold the counts of many."""

LONGEST_ROUND_MS = 3_600_000
"""A recovery may take minutes: whether it makes headway is for the watchdog to say, not for the group."""

METADATA_MS = 10_000
"""How often to ask whether the journal is there: one that was gone for a moment would else be missed for minutes."""


class Judge(Service):
    """Judges the rollouts of the journal partitions it owns."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._topics = settings.topics
        self._keyring = keyring(settings, "gate")
        self._pulse = health.pulse("judge")
        self._folds: dict[int, Fold] = {}
        self._due: set[int] = set()  # ours, and to be recovered
        self._doubted: dict[int, Fold] = {}  # whose records did not fit when they were last asked for
        self._joined = False
        self._statuses: dict[str, Status] = {}
        self._snapshot_at: dict[int, int] = {}
        self._truncated = Truncation(settings, self._pulse)

    async def on_start(self) -> None:
        """Join the group."""
        self._producer = clients.producer(self._settings)
        self._archive = clients.producer(
            self._settings, compression_type="zstd", max_request_size=clients.LARGEST_SNAPSHOT
        )
        await self._producer.start()
        await self._archive.start()
        self._consumer = clients.consumer(
            self._settings,
            group_id=self._settings.group("judge"),
            metadata_max_age_ms=METADATA_MS,
            max_poll_interval_ms=LONGEST_ROUND_MS,
            max_partition_fetch_bytes=clients.LARGEST_MESSAGE,
            **self._settings.membership,
        )
        self._consumer.subscribe([self._topics.journal], listener=_Assignment(self))
        await self._consumer.start()

    async def on_stop(self) -> None:
        """Write last snapshots, and leave the group."""
        try:
            for partition in list(self._folds):
                await self._snapshot(partition)
        except KafkaError as error:
            self.log.warning("last snapshot failed, the journal will be folded instead: %s", error)
        finally:
            await self._consumer.stop()
            await self._producer.stop()
            await self._archive.stop()

    @Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            try:
                await self._round()
                if answered(self._consumer, LONGEST_UNANSWERED_MS):
                    self._pulse.beat()
            except (KafkaError, TimeoutError) as error:
                self.log.error("Kafka does not answer, going back to the snapshots: %s", error)
                self._due |= self._folds.keys()
                self._folds.clear()
                await self.sleep(RETRY_SECONDS)
            await asyncio.sleep(0)

    async def _round(self) -> None:
        """Judge what there is to judge."""
        found = await self._consumer.getmany(timeout_ms=0 if self._due else 100, max_records=MOST_TAKEN)
        for partition, records in found.items():
            fold = self._folds.get(partition.partition)
            if fold is None or await self._lacks(partition, fold, records):
                continue  # revoked since it was fetched, or yet to be recovered; or refused
            await self._judge(partition, fold, records)
        if self._due:
            await self.recover(min(self._due))
        self._pulse.ready |= self._joined and not self._due
        await self._tell_truncated()
        await self._snapshots_due()

    async def recover(self, partition: int) -> None:
        """Rebuild a partition's fold from its snapshots, and go on behind it in the journal, if it is still ours."""
        found = Found(partition)
        async for record in read_to_end(self._settings, self._topics.snapshots, partitions=[partition]):
            found.take(record.key, record.value)
            self._pulse.beat()
        fold = await asyncio.to_thread(found.fold)
        for key, why in found.unread.items():
            self.log.warning("snapshot partition %d: the snapshot of %r cannot be used: %s", partition, key, why)
        journal = TopicPartition(self._topics.journal, partition)
        if not await self._is_whole(journal, fold.offset + 1) or partition not in self._due:
            return
        self._due.remove(partition)
        self._folds[partition] = fold
        self._resume(journal, fold)
        self.log.info("journal partition %d: judging on from offset %d", partition, fold.offset + 1)
        failpoints.reached("judge: recovered")

    def _resume(self, partition: TopicPartition, fold: Fold) -> None:
        """Read on from the record that was folded last: by that one the journal is known to be the same."""
        self._consumer.seek(partition, max(fold.offset, 0))
        self._consumer.resume(partition)

    async def _lacks(self, partition: TopicPartition, fold: Fold, records: list[ConsumerRecord[bytes, bytes]]) -> bool:
        """Whether these are not what comes next for the fold: then it is asked for again, or the journal is refused.

        What does not fit may have been fetched for another fold, so it is asked for once more, from the record that was
        folded last; where that is read again, it is taken from the list. What does not fit then is missing for good.
        """
        first, needed = records[0].offset, fold.offset + 1
        again = first == fold.offset and fold.digest in (0, digest(records[0]))
        if again or first == needed:
            del records[: int(again)]
            self._doubted.pop(partition.partition, None)
            return False
        if self._doubted.get(partition.partition) is not fold:
            self._doubted[partition.partition] = fold
            self._resume(partition, fold)
            return True
        del self._doubted[partition.partition]
        if first < needed:
            self._refuse(partition, f"before offset {needed} it is not what the snapshots stand for: was it made anew?")
        return first < needed or not await self._is_whole(partition, needed)  # a gap alone takes nothing away

    async def _is_whole(self, partition: TopicPartition, needed: int) -> bool:
        """Whether the journal still has what a fold needs."""
        begins: int = (await self._consumer.beginning_offsets([partition]))[partition]
        if begins > needed and partition.partition in self._due | self._folds.keys():
            self._refuse(partition, f"it begins at offset {begins}, needed is {needed}")
        return begins <= needed

    def _refuse(self, partition: TopicPartition, why: str) -> None:
        """Judge the partition no further: what would follow from a part of the journal would be guesses."""
        why = f"journal partition {partition.partition} was truncated: {why}"
        self.log.critical("%s; its rollouts stay as they are, and no decision is made", why)
        self._consumer.pause(partition)
        self._folds.pop(partition.partition, None)
        self._due.discard(partition.partition)
        self._truncated.found(partition.partition, why)

    async def _tell_truncated(self) -> None:
        """Let those who watch a rollout of such a partition see that it is held, and why."""
        untold = self._truncated.untold
        if not untold:
            return
        homes: set[int] = self._consumer.partitions_for_topic(self._topics.journal) or set()
        statuses = await self._truncated.statuses(untold, homes)
        await asyncio.gather(*[await self._send(self._topics.status, name, document) for name, document in statuses])
        self._truncated.told(untold)

    def joined(self, assigned: set[TopicPartition]) -> None:
        """The group gave us these partitions, or none: fetch nothing of them before their folds are there."""
        self._consumer.pause(*assigned)
        self._due = {partition.partition for partition in assigned}
        self._joined = True

    def release(self, partition: int) -> None:
        """Another judge has the partition now."""
        self._due.discard(partition)
        fold = self._folds.pop(partition, None)
        for rollout in () if fold is None else fold.rollouts:
            metrics.forget_rollout(rollout)
        self._truncated.release(partition)

    async def _judge(self, partition: TopicPartition, fold: Fold, records: list[ConsumerRecord[bytes, bytes]]) -> None:
        sent: list[asyncio.Future[Any]] = []
        decided = False
        for record in records:
            fold.offset, fold.digest = record.offset, digest(record)  # a record that is none is behind us too
            try:
                outcomes = fold.apply(decode(record.value or b""), record.offset)
            except (msgspec.DecodeError, ValueError) as error:
                sent.append(await self._bury(record, error))
                continue
            for outcome in outcomes:
                if isinstance(outcome, Decision):
                    decided = True
                    failpoints.reached("judge: decision folded")
                sent += await self._publish(outcome)
        sent += await self._publish_statuses()
        await asyncio.gather(*sent)
        if decided:
            failpoints.reached("judge: decision published")
        self._observe(partition, fold)

    async def _bury(self, record: ConsumerRecord[bytes, bytes], error: Exception) -> asyncio.Future[Any]:
        reason = error.reason if isinstance(error, ReplayedError) else "bad_record"
        self.log.error("journal %d@%d is put aside, %s: %s", record.partition, record.offset, reason, error)
        metrics.DEAD_LETTERS.labels(record.topic, reason).inc()
        where = (record.topic, record.partition, record.offset, 0)
        letter = DeadLetter(*where, reason, str(error), record.key, record.value or b"")
        return await self._post(self._topics.dead_letters, letter.body(), key=letter.key, headers=letter.headers())

    async def _publish(self, outcome: Outcome) -> list[asyncio.Future[Any]]:
        match outcome:
            case Decision():
                self.log.info("%s %s: %s", outcome.id, outcome.action, outcome.reason)
                metrics.DECISIONS.labels(outcome.rollout, outcome.action.value).inc()
                metrics.ESCALATIONS.labels(outcome.rollout).inc(outcome.escalate)
                return [await self._order(self._topics.decisions, outcome.rollout, outcome.document())]
            case Command():
                return [await self._order(self._topics.commands, outcome.decision.rollout, outcome.document())]
            case Status():
                self._statuses[outcome.rollout] = outcome
            case Acknowledged():
                metrics.ACKS.labels(outcome.rollout, outcome.status).inc()
                if outcome.took_ms is not None and outcome.action == Action.ROLLBACK:
                    metrics.TIME_TO_ROLLBACK.observe(outcome.took_ms / 1000.0)
            case Foreign():
                metrics.FOREIGN.labels(outcome.rule).inc()
            case Late():
                metrics.LATE_EVENTS.labels(outcome.rollout).inc(outcome.events)
        return []

    async def _publish_statuses(self) -> list[asyncio.Future[Any]]:
        """Of the statuses since the last time, each rollout's newest."""
        statuses, self._statuses = self._statuses, {}
        for status in statuses.values():
            metrics.show_status(status.document)
        return [await self._send(self._topics.status, name, status.document) for name, status in statuses.items()]

    async def _send(self, topic: str, rollout: str, document: dict[str, object]) -> asyncio.Future[Any]:
        return await self._post(topic, encode_document(document), key=rollout.encode())

    async def _order(self, topic: str, rollout: str, document: dict[str, object]) -> asyncio.Future[Any]:
        value = encode_document(document)
        return await self._post(topic, value, key=rollout.encode(), headers=self._keyring.sign(topic, value))

    async def _post(self, topic: str, value: bytes, **options: Any) -> asyncio.Future[Any]:
        sent: asyncio.Future[Any] = await self._producer.send(topic, value, **options)
        return sent

    def _observe(self, partition: TopicPartition, fold: Fold) -> None:
        watermark = fold.marks.read(self._settings.timing).watermark
        if watermark is not None:
            delay = (fold.marks.wall - watermark) / 1000.0
            metrics.WATERMARK_DELAY.labels(partition.partition).set(delay)
        metrics.IGNORED.labels(partition.partition).set(fold.ignored)
        end = end_of(self._consumer, partition)
        if end is not None:
            metrics.JOURNAL_LAG.labels(partition.partition).set(max(0, end.offset - fold.offset - 1))

    async def _snapshots_due(self) -> None:
        for partition, fold in list(self._folds.items()):
            before = self._snapshot_at.setdefault(partition, fold.marks.wall)
            if fold.marks.wall - before >= self._settings.snapshot_interval_ms:
                await self._snapshot(partition)
                self._snapshot_at[partition] = fold.marks.wall

    async def _snapshot(self, partition: int) -> None:
        """Write what changed; all that was published before it has been acknowledged."""
        fold = self._folds.get(partition)
        if fold is None:
            return  # revoked meanwhile
        failpoints.reached("judge: snapshot due")
        sent = []
        for key, value in snapshot(fold):
            metrics.SNAPSHOT_BYTES.inc(len(value))
            sent.append(await self._archive.send(self._topics.snapshots, value, key=key, partition=partition))
            failpoints.reached("judge: snapshot sent")
        await asyncio.gather(*sent)
        failpoints.reached("judge: snapshot acknowledged")
        try:
            await self._consumer.commit({TopicPartition(self._topics.journal, partition): fold.offset + 1})
            failpoints.reached("judge: committed")
        except (CommitFailedError, IllegalStateError) as error:
            self.log.info("commit refused, the partitions moved: %s", error)


def digest(record: ConsumerRecord[bytes, bytes]) -> int:
    """What tells a record of the journal from another at its offset; never 0."""
    return crc32(record.value or b"", record.timestamp & 0xFFFFFFFF) or 1


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Tells the judge what the group gives and takes."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        for partition in revoked:
            self._judge.release(partition.partition)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._judge.joined(assigned)
