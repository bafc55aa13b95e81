"""The judge: folds its share of the journal's partitions, and publishes what comes out.

What comes out is sent beside the fold, so a topic that refuses writes holds back nothing but what is for it. Only a
snapshot waits: for the decisions and commands that it would hold.

A decision that is published twice, after a crash, is the same to the byte and has the same id. The group's committed
offsets only show the lag: after a restart the snapshots are the place to continue from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from mode import Service

from connectors.error_text import text_of
from connectors.kafka import clients
from connectors.kafka.consumer_progress import answered, end_of
from connectors.kafka.stalled_partitions import describe, stalled
from connectors.kafka.stopping import stop_client
from gates.decisions import Decision
from streams.journal import decode
from streams.judge.attempts import Attempts
from streams.judge.comparing import as_published
from streams.judge.fold import Fold
from streams.judge.held_reports import HeldReports
from streams.judge.outputs import FoldOutput, RolloutSetAside
from streams.judge.publishing import Publisher
from streams.judge.recovery import Recovery, digest
from streams.judge.sending import Sender
from streams.judge.set_aside import of_a_newer_build
from streams.judge.snapshot_writer import SnapshotWriter
from streams.runtime import failpoints, metrics, rollout_metrics
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.settings import Settings

RETRY_SECONDS = 1.0

MOST_AT_ONCE = 200
"""Records folded per round. Each may close a pane of every rollout or hold the counts of many, and between rounds the
health and the group must get their turn."""

LONGEST_ROUND_MS = 3_600_000
"""The group's limit for a round, out of reach: a recovery may take minutes, and the watchdog ends a judge that
hangs."""


class Judge(Service):
    """Judges the rollouts of the journal partitions that the group assigns to this worker."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._pulse = health.pulse("judge")
        self._sender = Sender(settings, self._pulse)
        self._publisher = Publisher(self._sender, settings.shared)
        self._snapshots = SnapshotWriter(settings, self._pulse, self._sender.settle)
        self._assigned = 0

    async def on_start(self) -> None:
        """Connect and join the group."""
        for client in (self._sender, self._snapshots):
            self.async_exit_stack.push_async_callback(client.stop)  # also if the start fails
            await client.start()
        consumer = clients.consumer(
            self._settings,
            group_id=self._settings.group("judge"),
            max_poll_interval_ms=LONGEST_ROUND_MS,
            max_partition_fetch_bytes=clients.LARGEST_MESSAGE,
            **self._settings.membership,
        )
        self.use(consumer)
        consumer.subscribe([self._settings.topics.journal], listener=_Assignment(self))
        self.async_exit_stack.push_async_callback(stop_client, consumer)
        await consumer.start()

    def use(self, consumer: AIOKafkaConsumer[bytes, bytes]) -> None:
        """Read the journal by this consumer."""
        self._consumer = consumer
        self._recovery = Recovery(self._settings, consumer, self._pulse)
        self._held = HeldReports(self._settings, consumer, self._recovery, self._sender)
        self._attempts = Attempts(self._recovery)

    async def on_stop(self) -> None:
        """Write last snapshots, and leave the group."""
        await self._attempts.stop()
        try:
            await self._snapshots.write_all(self._recovery.folds, self._consumer)
        finally:
            self._held.stop()
            await stop_client(self._consumer)
            await self._sender.stop()
            await self._snapshots.stop()

    def joined(self, assigned: set[TopicPartition]) -> None:
        """The group assigned these partitions, or none."""
        self._recovery.assign(assigned)
        self._assigned = len(assigned)
        if not assigned:
            self._pulse.join(0)

    def release(self, partition: int) -> None:
        """The group assigned the partition to another judge."""
        fold = self._recovery.folds.get(partition)
        self._sender.release(partition, () if fold is None else [*fold.rollouts])
        self._snapshots.release(partition)
        self._recovery.release(partition)

    @Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            try:
                await self._round()
                unread = describe(stalled(self._consumer)), self._attempts.failing
                self._pulse.stalled = "; ".join(filter(None, unread))
                if answered(self._consumer, LONGEST_UNANSWERED_MS):
                    self._pulse.failed = ""
                    self._pulse.beat()
            except GroupAuthorizationFailedError:
                raise  # the client raises it in each round from now on, also once it may join: the role needs a new one
            except (KafkaError, TimeoutError) as error:
                self.log.error("Kafka does not answer; the judge recovers from its snapshots: %s", text_of(error))
                await self._recover_from(error)
            except Exception as error:  # a fault of ours: the other roles go on, and health shows that this does not
                self.log.exception("judging failed; the judge recovers from its snapshots")
                await self._recover_from(error)
            await asyncio.sleep(0)

    async def _recover_from(self, error: Exception) -> None:
        """Begin again after a pause; health names what fails once it lasts."""
        if self._pulse.silent > LONGEST_UNANSWERED_MS / 1000.0:
            self._pulse.failed = f"judging fails: {type(error).__name__}"
        self._recovery.start_over()
        await self.sleep(RETRY_SECONDS)

    async def _round(self) -> None:
        """Judge what has arrived, recover one partition, and write the snapshots that are due."""
        recovery = self._recovery
        if self._sender.full:
            await self.sleep(RETRY_SECONDS)
            self._pulse.beat()  # it waits for a topic, which health shows; a restart would not help
            return
        fetched = await self._consumer.getmany(
            timeout_ms=0 if self._attempts.pending else 100, max_records=MOST_AT_ONCE
        )
        for partition, records in fetched.items():
            fold = recovery.folds.get(partition.partition)  # none: revoked since the fetch, or not recovered yet
            if fold is not None and await recovery.continues(partition, fold, records):
                self._judge(partition, fold, records)
        await self._attempts.proceed()
        if self._assigned and not recovery.due:
            self._pulse.join(self._assigned)
        self._held.report()
        rollout_metrics.forget_idle_rollouts()
        await self._snapshots.write_due(recovery.folds, self._consumer)

    def _judge(self, partition: TopicPartition, fold: Fold, records: list[ConsumerRecord[bytes, bytes]]) -> None:
        for record in records:
            # Set before decoding: a record that cannot be folded is done with, too, and is not fetched again.
            fold.offset, fold.digest = record.offset, digest(record)
            for output in self._outputs(fold, record):
                if isinstance(output, RolloutSetAside):
                    self._recovery.unreported[output.rollout] = output.why
                if isinstance(output, Decision):
                    failpoints.reached("judge: decision folded")
                self._publisher.publish(output)
        self._publisher.publish_statuses()
        self._observe(partition, fold)

    def _outputs(self, fold: Fold, record: ConsumerRecord[bytes, bytes]) -> Sequence[FoldOutput]:
        """What the fold makes of a record, as far as it agrees with what is published."""
        value = record.value or b""
        outputs: list[FoldOutput] = []
        try:
            outputs = fold.apply(decode(value), record.offset)
        except Exception as error:  # of any kind: one record must not end the judge, which would read it again
            # Its own order has no effect then, and others of the rollout would be answered as if it were not there.
            newer = of_a_newer_build(value) if isinstance(error, msgspec.DecodeError) else None
            if newer is not None and newer[0] not in fold.set_aside:
                outputs = [fold.put_aside(*newer)]
            self._publisher.send_dead_letter(record, error)
        return as_published(fold, self._recovery.published[fold.partition], record.offset, outputs)

    def _observe(self, partition: TopicPartition, fold: Fold) -> None:
        if self._recovery.folds.get(partition.partition) is not fold:
            # It moved to another judge while this was published, which has set gauges again.
            rollout_metrics.forget_journal_partition(partition.partition, fold.rollouts)
            return
        watermark = fold.marks.event_time(self._settings.timing).watermark
        if watermark is not None:
            now = fold.marks.wall - fold.marks.ahead(fold.marks.by_events())
            delay = (now - watermark) / 1000.0
            metrics.WATERMARK_DELAY.labels(partition.partition).set(delay)
        metrics.CLOCK_LEAP.labels(partition.partition).set(fold.marks.off_by() / 1000.0)
        metrics.IGNORED.labels(partition.partition).set(fold.ignored)
        metrics.SET_ASIDE.labels(partition.partition).set(len(fold.set_aside))
        end = end_of(self._consumer, partition)
        if end is not None:
            metrics.JOURNAL_LAG.labels(partition.partition).set(max(0, end.offset - fold.offset - 1))


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Passes the group's assignments to the judge."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        for partition in revoked:
            self._judge.release(partition.partition)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._judge.joined(assigned)
