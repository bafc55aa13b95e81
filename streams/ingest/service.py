"""Ingest: from request events to partials and progress in the journal.

Ingest owns a consumer and a producer. It commits its group's offsets only at ends of chunks whose final version the
broker has acknowledged. Whatever fails in between is read again, and still counted once (streams.judge.join).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import BrokerResponseError, CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition
from mode import Service

from connectors.decoders.registry import decoder
from connectors.kafka import clients
from connectors.kafka.consumer_progress import FRESH_MS, answered, end_of
from connectors.kafka.record_batches import begin_poll, read_batches
from streams.cells import SourcePartition
from streams.clock import wall_ms
from streams.ingest.chunks import Chunker, Flush
from streams.ingest.cutting import rule
from streams.ingest.decoding import RecordDecoder
from streams.ingest.journaling import JournalWriter
from streams.journal import CHUNK_RULE, SourceProgress
from streams.runtime import failpoints, metrics
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.settings import Settings

RETRY_SECONDS = 1.0

TROUBLED_S = 30.0
"""Seconds without a failed flush after which ingest is healthy again. One good flush is not enough: the next one may
fail at the same version as before."""

POSITION_WAIT_S = 0.05
"""How long to wait for a position: it is known at once, or the partition has just moved."""

MOST_BATCHES = 100
"""Lists of records per poll, each of one record batch, if the consumer returns those."""

MOST_RECORDS = 10_000
"""Records per poll, if the consumer returns single records."""

MOST_FLUSHING = 0.25
"""The largest share of its time that ingest spends on flushing: after a slow flush the next one comes later.

Without a limit a worker with very many rollouts would only flush, and its lag would grow without end.
"""


class Ingest(Service):
    """Reads its share of the event partitions and journals what it counted."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._topics = settings.topics
        self._pulse = health.pulse("ingest")
        self._chunkers: dict[TopicPartition, Chunker] = {}
        self._decoder = RecordDecoder(decoder(), settings.max_event_bytes)
        self._failed_at = float("-inf")

    async def on_start(self) -> None:
        """Join the group."""
        self._producer = clients.producer(self._settings, compression_type="zstd")  # the best codec for partials
        await self._producer.start()
        self._writer = JournalWriter(self._producer, self._topics, self._settings.worker_id)
        self._consumer = clients.consumer(
            self._settings,
            group_id=_group(self._settings),
            isolation_level="read_committed",
            max_partition_fetch_bytes=clients.FETCHED_AHEAD,
            **self._settings.membership,
        )
        self._consumer.subscribe([self._topics.events], listener=_Assignment(self))
        await self._consumer.start()
        self._in_batches = read_batches(self._consumer)

    async def on_stop(self) -> None:
        """Journal what was counted, then leave the group."""
        try:
            await self._flush()
        except KafkaError as error:
            self.log.warning("the last flush failed, so its events will be read again: %s", error)
        finally:
            await self._consumer.stop()
            await self._producer.stop()

    def take_over(self, partitions: set[TopicPartition]) -> None:
        """Count these partitions, now assigned to us (there may be none), from their committed offsets."""
        for partition in partitions:
            source = SourcePartition(partition.topic, partition.partition)
            self._chunkers[partition] = Chunker(source, self._settings.max_future_ms)
        self._pulse.ready = True

    def release(self, partitions: set[TopicPartition]) -> None:
        """Forget partitions that another worker has now; it reads again what is not committed."""
        for partition in partitions:
            self._chunkers.pop(partition, None)

    @Service.task
    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        interval = self._settings.flush_interval_ms / 1000.0
        flush_at = loop.time() + interval
        while not self.should_stop:
            due = flush_at - loop.time()
            most = MOST_BATCHES if self._in_batches else MOST_RECORDS
            begin_poll()
            found = await self._consumer.getmany(timeout_ms=max(0, int(due * 1000)), max_records=most)
            for partition, taken in found.items():
                chunker = self._chunkers.get(partition)
                if chunker is not None:  # else revoked since it was fetched: its next owner reads it
                    chunker.times.now = wall_ms()
                    self._decoder.count(chunker, partition, taken if self._in_batches else [taken])
            if (began := loop.time()) >= flush_at:
                worked = time.process_time()
                await self._flush_or_restart()
                worked = time.process_time() - worked  # CPU time: waiting for Kafka is no reason to flush later
                flush_at = began + max(interval, worked / MOST_FLUSHING)
            await asyncio.sleep(0)

    async def _flush_or_restart(self) -> None:
        """Flush, and report that ingest is alive; if that fails, count again from the committed offsets."""
        try:
            await self._flush()
        except KafkaError as error:
            self.log.error("journaling failed, so ingest counts again from the committed offsets: %s", error)
            metrics.INGEST_RESETS.inc()
            if _is_permanent(error):
                self._failed_at = time.monotonic()
                self._pulse.trouble = f"journaling fails: {type(error).__name__}"
            await self._return_to_committed()
        else:
            if time.monotonic() - self._failed_at > TROUBLED_S:
                self._pulse.trouble = self._writer.trouble
            if answered(self._consumer, LONGEST_UNANSWERED_MS):
                self._pulse.beat()

    async def _return_to_committed(self) -> None:
        """Count again from the committed offsets. Retried until they are known, because nothing can be read before."""
        while not self.should_stop:
            await self.sleep(RETRY_SECONDS)
            try:
                offsets = {partition: await _committed(self._consumer, partition) for partition in list(self._chunkers)}
                for partition, offset in offsets.items():
                    if partition in self._chunkers:
                        self._consumer.seek(partition, offset)
                        self.take_over({partition})
            except KafkaError as error:
                self.log.error("the committed offsets cannot be read, trying again in %g s: %s", RETRY_SECONDS, error)
            else:
                return

    async def _flush(self) -> None:
        with metrics.FLUSH_SECONDS.time():
            wall = wall_ms()  # first: the reports are true as of now, however long counting and sending take
            owned = dict(self._chunkers)
            flushes = {partition: chunker.flush(self._end(partition)) for partition, chunker in owned.items()}
            for partition, flush in flushes.items():
                metrics.count_events(partition.partition, flush.kinds)
                metrics.CLAMPED.inc(flush.limited.clamped)
                metrics.REFUSED.inc(flush.limited.refused)
                metrics.METRICS_DROPPED.inc(flush.limited.metrics_dropped)
            reports = [await self._progress(partition, flush) for partition, flush in flushes.items()]
            failpoints.reached("ingest: partials due")
            sent = await self._writer.send_partials(partial for flush in flushes.values() for partial in flush.partials)
            sent += await self._writer.send_dead_letters(self._decoder.drain_dead_letters())
            failpoints.reached("ingest: partials sent")
            await asyncio.gather(*sent)  # before progress: a report must never be ahead of the counts
            failpoints.reached("ingest: partials acknowledged")
            await self._writer.report_progress(reports, wall)
            failpoints.reached("ingest: progress acknowledged")
            await self._commit({p: flush.commit for p, flush in flushes.items() if flush.commit is not None})

    def _end(self, partition: TopicPartition) -> int:
        """The end of a partition, as far as it is known; 0 if it is not."""
        end = end_of(self._consumer, partition)
        return 0 if end is None else end.offset

    async def _progress(self, partition: TopicPartition, flush: Flush) -> SourceProgress:
        """The progress of a partition as of this flush."""
        try:
            position = await asyncio.wait_for(self._consumer.position(partition), POSITION_WAIT_S)
        except (TimeoutError, IllegalStateError):
            position = None  # not known yet, or no longer ours
        end = end_of(self._consumer, partition)
        caught_up = False
        if end is not None and position is not None:
            caught_up = flush.all_read and position >= end.offset and end.age_ms <= FRESH_MS
            metrics.INGEST_LAG.labels(partition.partition).set(max(0, end.offset - position))
        source = SourcePartition(partition.topic, partition.partition)
        return SourceProgress(source, flush.position or position or 0, flush.newest, caught_up, flush.limited.unplaced)

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        mine = {partition: offset for partition, offset in offsets.items() if partition in self._chunkers}
        if not mine:
            return
        failpoints.reached("ingest: before commit")
        try:
            await self._consumer.commit(mine)
            failpoints.reached("ingest: committed")
        except (CommitFailedError, IllegalStateError) as error:
            self.log.info("the commit was refused because partitions moved to another worker: %s", error)


def _is_permanent(error: KafkaError) -> bool:
    """Whether a broker has answered, and will answer the same until someone changes something."""
    return isinstance(error, BrokerResponseError) and not error.retriable


def _group(settings: Settings) -> str:
    """The group that shares the partitions: only workers that cut chunks alike, since commits are chunk ends."""
    name = settings.group("ingest")
    return name if rule() == CHUNK_RULE else f"{name}-{rule()}"


async def _committed(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """The offset to begin at: the one that the group committed, else that of the oldest record."""
    offset: int | None = await consumer.committed(partition)
    if offset is None:
        offset = (await consumer.beginning_offsets([partition]))[partition]
    return offset


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Keeps one new chunker per partition owned: its chunk that was open before is read again from the commit."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._ingest.release(revoked)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._ingest.take_over(assigned)
