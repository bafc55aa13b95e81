"""The judge: folds its share of the journal's partitions, publishes what comes out, and writes snapshots.

The group's committed offsets are bookkeeping for lag. What it continues from are the snapshots; what it publishes twice
after a crash is the same to the byte and carries the same ids.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from mode import Service

from connectors import kafka
from connectors.dead_letters import DeadLetter
from connectors.reading import read_to_end
from gates.decisions import Action, Command, Decision
from streams import metrics
from streams.health import Health
from streams.journal import decode, encode_document
from streams.judge.fold import Acknowledged, Fold, Late, Outcome, Status
from streams.judge.snapshots import restore, snapshot
from streams.settings import Settings

RETRY_SECONDS = 1.0


class Judge(Service):
    """Judges the rollouts of the journal partitions it owns."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._topics = settings.topics
        self._pulse = health.pulse("judge")
        self._folds: dict[int, Fold] = {}
        self._statuses: dict[str, Status] = {}
        self._snapshot_at: dict[int, int] = {}

    async def on_start(self) -> None:
        """Join the group."""
        self._producer = kafka.producer(self._settings)
        self._archive = kafka.producer(self._settings, compression_type="gzip", max_request_size=kafka.LARGEST_SNAPSHOT)
        await self._producer.start()
        await self._archive.start()
        self._consumer = kafka.consumer(
            self._settings,
            group_id=self._settings.group("judge"),
            max_partition_fetch_bytes=kafka.LARGEST_MESSAGE,
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
            found = await self._consumer.getmany(timeout_ms=100, max_records=2_000)
            try:
                for owned in self._consumer.assignment():
                    if owned.partition not in self._folds:  # its recovery failed while the group rebalanced
                        await self.recover(owned.partition)
                for partition, records in found.items():
                    await self._judge(partition, records)
                await self._snapshots_due()
            except KafkaError as error:
                self.log.error("publishing failed, going back to the snapshots: %s", error)
                await self.sleep(RETRY_SECONDS)
                for partition in list(self._folds):
                    await self.recover(partition)
            self._pulse.beat()
            await asyncio.sleep(0)

    async def recover(self, partition: int) -> None:
        """Rebuild a partition's fold from its snapshots, and go on behind it in the journal."""
        topic = self._topics.snapshots
        records = [
            (record.key, record.value) async for record in read_to_end(self._settings, topic, partitions=[partition])
        ]
        fold = restore(partition, records)
        self._folds[partition] = fold
        self._consumer.seek(TopicPartition(self._topics.journal, partition), fold.offset + 1)
        self.log.info("journal partition %d: judging on from offset %d", partition, fold.offset + 1)

    def joined(self) -> None:
        """The group gave us our partitions, or none."""
        self._pulse.ready = True

    def release(self, partition: int) -> None:
        """Another judge has the partition now."""
        self._folds.pop(partition, None)

    async def _judge(self, partition: TopicPartition, records: list[ConsumerRecord[bytes, bytes]]) -> None:
        fold = self._folds.get(partition.partition)
        if fold is None:
            return  # revoked since it was fetched
        sent: list[asyncio.Future[Any]] = []
        for record in records:
            if record.offset <= fold.offset:
                continue
            try:
                outcomes = fold.apply(decode(record.value or b""), record.offset)
            except (msgspec.DecodeError, ValueError) as error:
                sent.append(await self._bury(record, error))
                continue
            for outcome in outcomes:
                sent += await self._publish(outcome)
        sent += await self._publish_statuses()
        await asyncio.gather(*sent)
        self._observe(partition, fold)

    async def _bury(self, record: ConsumerRecord[bytes, bytes], error: Exception) -> asyncio.Future[Any]:
        self.log.error("journal %d@%d is no record of ours: %s", record.partition, record.offset, error)
        metrics.DEAD_LETTERS.labels(record.topic, "bad_record").inc()
        where = (record.topic, record.partition, record.offset, 0)
        letter = DeadLetter(*where, "bad_record", str(error), record.key, record.value or b"")
        return await self._post(self._topics.dead_letters, letter.body(), key=letter.key, headers=letter.headers())

    async def _publish(self, outcome: Outcome) -> list[asyncio.Future[Any]]:
        match outcome:
            case Decision():
                self.log.info("%s %s: %s", outcome.id, outcome.action, outcome.reason)
                metrics.DECISIONS.labels(outcome.rollout, outcome.action.value).inc()
                metrics.ESCALATIONS.labels(outcome.rollout).inc(outcome.escalate)
                return [await self._send(self._topics.decisions, outcome.rollout, outcome.document())]
            case Command():
                return [await self._send(self._topics.commands, outcome.decision.rollout, outcome.document())]
            case Status():
                self._statuses[outcome.rollout] = outcome
            case Acknowledged():
                metrics.ACKS.labels(outcome.rollout, outcome.status).inc()
                if outcome.took_ms is not None and outcome.action == Action.ROLLBACK:
                    metrics.TIME_TO_ROLLBACK.observe(outcome.took_ms / 1000.0)
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

    async def _post(self, topic: str, value: bytes, **options: Any) -> asyncio.Future[Any]:
        sent: asyncio.Future[Any] = await self._producer.send(topic, value, **options)
        return sent

    def _observe(self, partition: TopicPartition, fold: Fold) -> None:
        watermark = fold.marks.read(self._settings.timing).watermark
        if watermark is not None:
            delay = (fold.marks.wall - watermark) / 1000.0
            metrics.WATERMARK_DELAY.labels(partition.partition).set(delay)
        high = self._consumer.highwater(partition)
        if high is not None:
            metrics.JOURNAL_LAG.labels(partition.partition).set(max(0, high - fold.offset - 1))

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
        for key, value in snapshot(fold):
            metrics.SNAPSHOT_BYTES.inc(len(value))
            await self._archive.send(self._topics.snapshots, value, key=key, partition=partition)
        await self._archive.flush()
        try:
            await self._consumer.commit({TopicPartition(self._topics.journal, partition): fold.offset + 1})
        except (CommitFailedError, IllegalStateError) as error:
            self.log.info("commit refused, the partitions moved: %s", error)


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Builds a fold for each partition that comes, before any of its records is fetched."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        for partition in revoked:
            self._judge.release(partition.partition)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        for partition in sorted(assigned):
            await self._judge.recover(partition.partition)
        self._judge.joined()
