"""Ingest: from request events to partials and progress in the journal.

Ingest owns a consumer and a producer. It commits its group's offsets only at ends of chunks whose final version the
broker has acknowledged. Whatever fails in between is read again, and still counted once (streams.judge.join).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import (
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import TopicPartition
from mode import Service

from connectors.decoders.registry import decoder
from connectors.kafka import clients
from connectors.kafka.consumer_progress import answered
from connectors.kafka.record_batches import begin_poll, read_batches
from connectors.kafka.stalled_partitions import describe, stalled
from connectors.kafka.stopping import stop_client
from streams.ingest.chunks import Chunker
from streams.ingest.committing import Committer
from streams.ingest.cutting import rule
from streams.ingest.decoding import RecordDecoder
from streams.ingest.journaling import JournalWriter
from streams.ingest.lanes import WAIT_S, is_permanent
from streams.ingest.reporting import SourceReports
from streams.ingest.source_topic import SourceTopic
from streams.ingest.taking_over import TakingOver
from streams.journal import CHUNK_RULE
from streams.runtime import failpoints, metrics
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.letter_box import LetterBox
from streams.runtime.settings import Settings

LAST_WAIT_S = 5.0
"""Seconds that a worker which stops waits for its last counts to be written."""

MOST_BATCHES = 100
"""Lists of records per poll, each of one record batch, if the consumer returns those."""

MOST_RECORDS = 10_000
"""Records per poll, if the consumer returns single records."""

LONGEST_TURN_S = 0.05
"""Seconds for which records are counted while nothing else runs, health and commits for example; and one more list."""

MOST_FLUSHING = 0.25
"""The largest share of its time that ingest spends on flushing: after a slow flush the next one comes later.

Without a limit a worker with very many rollouts would only flush, and its lag would grow without end.
"""


class Ingest(Service):
    """Reads its share of the event partitions and journals what it counted."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._pulse = health.pulse("ingest")
        self._chunkers: dict[TopicPartition, Chunker] = {}
        self._decoder = RecordDecoder(decoder(), settings.max_event_bytes)
        self._committer = Committer(LetterBox(settings, self._pulse), self._chunkers)

    async def on_start(self) -> None:
        """Join the group."""
        producer = clients.producer(self._settings, compression_type="zstd")  # the best codec for partials
        self.async_exit_stack.push_async_callback(stop_client, producer)  # also if the start fails
        await producer.start()
        self.async_exit_stack.push_async_callback(self._committer.letters.stop)
        await self._committer.letters.start()
        self._writer = JournalWriter(producer, self._settings)
        self._consumer = clients.consumer(
            self._settings,
            group_id=_group(self._settings),
            isolation_level="read_committed",
            auto_offset_reset="none",  # where to begin is chosen in `taking_over`
            max_partition_fetch_bytes=clients.FETCHED_AHEAD,
            **self._settings.membership,
        )
        self.async_exit_stack.push_async_callback(stop_client, self._consumer)
        topic = SourceTopic(self._settings, self._settings.topics.events)
        await topic.start()
        self.async_exit_stack.push_async_callback(topic.stop)
        self._taking_over = TakingOver(self._consumer, self._settings.max_future_ms, topic, self._chunkers.__setitem__)
        self._reports = SourceReports(self._consumer, self._settings.topics.events)
        self._consumer.subscribe([self._settings.topics.events], listener=_Assignment(self))
        await self._consumer.start()
        self._in_batches = read_batches(self._consumer)

    async def on_stop(self) -> None:
        """Journal what was counted, then leave the group."""
        try:
            await self._flush(LAST_WAIT_S)
        except KafkaError as error:
            self.log.warning("the last flush failed, so its events will be read again: %s", error)
        finally:
            await self._taking_over.stop()
            self._writer.reset()
            await stop_client(self._consumer)
            await self._writer.stop()
            await self._committer.letters.stop()

    def take_over(self, partitions: set[TopicPartition]) -> None:
        """Count these partitions, now assigned to us (there may be none), from their committed offsets."""
        self._begin(partitions)
        self._pulse.join(len(partitions))

    def release(self, partitions: set[TopicPartition]) -> None:
        """Forget partitions that another worker has now; it reads again what is not committed."""
        self._taking_over.release(partitions)
        for partition in partitions:
            self._chunkers.pop(partition, None)
            self._committer.forget(partition)
        self._writer.commits.forget(partitions)
        metrics.forget_source_partitions(partition.partition for partition in partitions)

    def _begin(self, partitions: set[TopicPartition], failed: Mapping[TopicPartition, int] | None = None) -> None:
        owned = partitions & self._consumer.assignment()
        for partition in owned:
            self._chunkers.pop(partition, None)
            self._committer.forget(partition)
        self._writer.commits.forget(owned)
        self._taking_over.begin(owned, failed)

    @Service.task
    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        interval = self._settings.flush_interval_ms / 1000.0
        flush_at = loop.time() + interval
        while not self.should_stop:
            await self._count(await self._fetch(flush_at - loop.time()))
            if (began := loop.time()) >= flush_at:
                worked = time.process_time()
                await self._flush_or_restart()
                worked = time.process_time() - worked  # CPU time: waiting for Kafka is no reason to flush later
                flush_at = began + max(interval, worked / MOST_FLUSHING)
            await asyncio.sleep(0)

    async def _count(self, fetched: Mapping[TopicPartition, Any]) -> None:
        """Count these records. Others have their turn now and then: many that cannot be read take seconds."""
        loop = asyncio.get_running_loop()
        turn_ends, chunkers = loop.time() + LONGEST_TURN_S, {each: self._chunkers.get(each) for each in fetched}
        for partition, taken in fetched.items():
            for batch in taken if self._in_batches else [taken]:
                chunker = chunkers[partition]
                if chunker is None or self._chunkers.get(partition) is not chunker:
                    break  # revoked since it was fetched, or read again: its next chunker counts it
                chunker.times.now = self._writer.broker_clock.now().agreed
                self._decoder.count(chunker, partition, [batch])
                if loop.time() >= turn_ends:
                    await asyncio.sleep(0)
                    turn_ends = loop.time() + LONGEST_TURN_S

    async def _fetch(self, seconds: float) -> dict[TopicPartition, Any]:
        """Records or batches of records that have arrived, after at most this many seconds."""
        most = MOST_BATCHES if self._in_batches else MOST_RECORDS
        begin_poll()
        try:
            found: dict[TopicPartition, Any] = await self._consumer.getmany(
                timeout_ms=max(0, int(seconds * 1000)), max_records=most
            )
        except NoOffsetForPartitionError:
            return {}  # the group has no offset of a partition that is about to be opened
        except OffsetOutOfRangeError as error:
            await self._begin_again(error.args[0])
            return {}
        return found

    async def _begin_again(self, positions: Mapping[TopicPartition, int]) -> None:
        """Begin again in these partitions, whose logs do not have the offset that is to be read next."""
        before = dict(self._chunkers)
        await self._flush_or_restart()  # what was counted before counts
        for partition, offset in positions.items():
            self.log.error(
                "%s partition %d does not have offset %d, which is to be read next: records were deleted before they "
                "were read, or the topic was created again",
                partition.topic,
                partition.partition,
                offset,
            )
        # Those that the flush has begun again are not where they were.
        self._begin({each for each in positions if self._chunkers.get(each) is before.get(each)}, positions)

    async def _flush_or_restart(self) -> None:
        """Flush, and report that ingest is alive; if that fails, count again from the committed offsets."""
        try:
            await self._flush()
        except KafkaError as error:
            self.log.error("journaling failed, so ingest counts again from the committed offsets: %s", error)
            metrics.INGEST_RESETS.inc()
            if is_permanent(error):
                self._pulse.fail(f"journaling fails: {type(error).__name__}")
            self._writer.reset()
            self._begin(set(self._chunkers))
        else:
            writer = self._writer
            self._pulse.recover(writer.trouble or writer.lanes.trouble or writer.broker_clock.now().trouble)
            unread = describe(stalled(self._consumer)), self._taking_over.failing
            self._pulse.stalled = "; ".join(filter(None, unread))
            if writer.lanes.alive and answered(self._consumer, LONGEST_UNANSWERED_MS):
                self._pulse.beat()

    async def _flush(self, wait_s: float = WAIT_S) -> None:
        with metrics.FLUSH_SECONDS.time():
            self._begin(await self._taking_over.outdated(self._chunkers))
            await self._writer.learn_time()
            # First: the reports are true as of now, however long counting and sending take.
            now = self._writer.broker_clock.now()
            owned = dict(self._chunkers)
            flushes = {partition: chunker.flush(self._reports.end(partition)) for partition, chunker in owned.items()}
            for partition, flush in flushes.items():
                metrics.count_events(partition.partition, flush.kinds)
                metrics.CLAMPED.inc(flush.limited.clamped)
                metrics.REFUSED.inc(flush.limited.refused)
                metrics.METRICS_DROPPED.inc(flush.limited.metrics_dropped)
            reports = [
                await self._reports.progress(partition, owned[partition], flush) for partition, flush in flushes.items()
            ]
            failpoints.reached("ingest: partials due")
            shares = await self._writer.shares(partial for flush in flushes.values() for partial in flush.partials)
            beginnings, partitions = self._reports.beginnings(flushes, owned), self._reports.partitions()
            opening = self._writer.progress(beginnings, now, partitions) if beginnings else None
            progress = self._writer.progress(reports, now, partitions)
            for number, share in shares.items():
                self._writer.lanes.put(number, share, progress, opening)
            self._committer.letters.put(self._decoder.drain_dead_letters())
            number = await self._writer.lanes.wait(wait_s)
            self._writer.commits.add(
                number, {p: flush.commit for p, flush in flushes.items() if flush.commit is not None}
            )
            await self._committer.commit(self._consumer, self._writer.commits.drain(self._writer.lanes.done))


def _group(settings: Settings) -> str:
    """The group that shares the partitions: only workers that cut chunks alike, since commits are chunk ends."""
    name = settings.group("ingest")
    return name if rule() == CHUNK_RULE else f"{name}-{rule()}"


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Keeps one new chunker per partition owned: its chunk that was open before is read again from the commit."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._ingest.release(revoked)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._ingest.take_over(assigned)
