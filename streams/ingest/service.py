"""Ingest: from request events to partials and progress in the journal.

It owns a consumer and a producer. Its group's offsets are committed only at ends of chunks whose last version the
broker has acknowledged, so that whatever happens in between is read again, and counted once all the same
(streams.judge.join).
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from mode import Service

from connectors.dead_letters import DeadLetter
from connectors.decoders import decode, decode_lines, decode_one, decode_run
from connectors.kafka import clients
from connectors.kafka.record_batches import read_batches
from streams.cells import SourcePartition
from streams.clock import wall_ms
from streams.ingest.chunks import Chunker, Decoded, Flush, rule
from streams.journal import CHUNK_RULE, Partial, Progress, SourceProgress, bundled, encode
from streams.runtime import failpoints, metrics
from streams.runtime.consumer_progress import FRESH_MS, answered, end_of
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.settings import Settings

RETRY_SECONDS = 1.0

MOST_BATCHES = 100
"""Record batches taken at once, where they are taken whole."""

MOST_RECORDS = 10_000
"""Records taken at once, where they are not."""

MOST_FLUSHING = 0.25
"""Of its time ingest spends about this share on flushing at most: after a flush that took long the next comes later."""

RUN = 512
"""Records that are counted in one go, if they can be."""


class Ingest(Service):
    """Reads its share of the event partitions and journals what it counted."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._topics = settings.topics
        self._pulse = health.pulse("ingest")
        self._chunkers: dict[TopicPartition, Chunker] = {}
        self._dead: list[DeadLetter] = []

    async def on_start(self) -> None:
        """Join the group."""
        self._producer = clients.producer(self._settings, compression_type="zstd")  # the best of all codecs here
        await self._producer.start()
        self._consumer = clients.consumer(
            self._settings,
            group_id=self._group(),
            isolation_level="read_committed",
            max_partition_fetch_bytes=clients.FETCHED_AHEAD,
            **self._settings.membership,
        )
        self._consumer.subscribe([self._topics.events], listener=_Assignment(self))
        await self._consumer.start()
        self._in_batches = read_batches(self._consumer)

    def _group(self) -> str:
        """The group that shares the partitions: workers that cut chunks alike, as others' commits say nothing here."""
        name = self._settings.group("ingest")
        return name if rule() == CHUNK_RULE else f"{name}-{rule()}"

    async def on_stop(self) -> None:
        """Journal what was counted, and leave the group."""
        try:
            await self._flush()
        except KafkaError as error:
            self.log.warning("last flush failed, it will be read again: %s", error)
        finally:
            await self._consumer.stop()
            await self._producer.stop()

    def take_over(self, partitions: set[TopicPartition]) -> None:
        """These partitions are ours now (there may be none for us): count from what is committed."""
        for partition in partitions:
            source = SourcePartition(partition.topic, partition.partition)
            self._chunkers[partition] = Chunker(source, self._settings.max_future_ms)
        self._pulse.ready = True

    def release(self, partitions: set[TopicPartition]) -> None:
        """Another worker has them now, and reads again what is not committed."""
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
            found = await self._consumer.getmany(timeout_ms=max(0, int(due * 1000)), max_records=most)
            for partition, taken in found.items():
                self._take(partition, taken if self._in_batches else [taken])
            if (began := loop.time()) >= flush_at:
                worked = time.process_time()
                await self._flush_or_go_back()
                worked = time.process_time() - worked  # waiting for Kafka is not counted: it is no reason to wait more
                flush_at = began + max(interval, worked / MOST_FLUSHING)
            await asyncio.sleep(0)

    def _take(self, partition: TopicPartition, batches: list[list[ConsumerRecord[bytes, bytes]]]) -> None:
        chunker = self._chunkers.get(partition)
        if chunker is None:
            return  # revoked since it was fetched: its next owner reads it
        most = self._settings.max_event_bytes
        for batch in batches:
            for start in range(0, len(batch), RUN):
                run = batch[start : start + RUN]
                events = decode_run([record.value for record in run], max_bytes=most)
                if events is None:
                    chunker.take(self._decoded(partition, record, most) for record in run)
                else:
                    chunker.take_run(run, events)
        for counter, number in (
            (metrics.CLAMPED, chunker.clamped),
            (metrics.REFUSED, chunker.refused),
            (metrics.METRICS_DROPPED, chunker.metrics_dropped),
        ):
            if number:
                counter.inc(number)
        chunker.clamped = chunker.refused = chunker.metrics_dropped = 0

    def _decoded(self, partition: TopicPartition, record: ConsumerRecord[bytes, bytes], most: int) -> Decoded:
        """What counts of a message, which may be more or less than one good event; its faults become dead letters."""
        event = decode_one(record.value, max_bytes=most)
        if event is not None:
            return Decoded(record.offset, record.timestamp, [event])
        events = decode_lines(record.value, max_bytes=most)
        if events is not None:
            return Decoded(record.offset, record.timestamp, events)
        found = decode(record.value, max_bytes=most)
        for fault in found.faults:
            metrics.DEAD_LETTERS.labels(partition.topic, fault.reason).inc()
            where = (partition.topic, partition.partition, record.offset, fault.index)
            self._dead.append(DeadLetter(*where, fault.reason, fault.detail, record.key, fault.raw))
        return Decoded(record.offset, record.timestamp, found.counted)

    async def _flush_or_go_back(self) -> None:
        """Journal, and be alive for it; where that fails go back to what is committed, and count from there again."""
        try:
            await self._flush()
        except KafkaError as error:
            self.log.error("journaling failed, going back to the committed offsets: %s", error)
            metrics.INGEST_RESETS.inc()
            await self._go_back()
        else:
            if answered(self._consumer, LONGEST_UNANSWERED_MS):
                self._pulse.beat()

    async def _go_back(self) -> None:
        """Count again from what is committed, however long it takes to hear what that is: nothing is read meanwhile."""
        while not self.should_stop:
            await self.sleep(RETRY_SECONDS)
            try:
                offsets = {partition: await self._committed(partition) for partition in list(self._chunkers)}
                for partition, offset in offsets.items():
                    if partition in self._chunkers:
                        self._consumer.seek(partition, offset)
                        self.take_over({partition})
            except KafkaError as error:
                self.log.error("the committed offsets are not to be had: %s", error)
            else:
                return

    async def _committed(self, partition: TopicPartition) -> int:
        """Where to begin: what the group committed, else the oldest record."""
        offset: int | None = await self._consumer.committed(partition)
        if offset is None:
            offset = (await self._consumer.beginning_offsets([partition]))[partition]
        return offset

    async def _flush(self) -> None:
        with metrics.FLUSH_SECONDS.time():
            owned = dict(self._chunkers)
            flushes = {partition: chunker.flush(self._end(partition)) for partition, chunker in owned.items()}
            for partition, flush in flushes.items():
                metrics.count_events(partition.partition, flush.kinds)
            wall = wall_ms()  # what is reported was so now, however long it takes to say it
            reports = [await self._report(partition, flush) for partition, flush in flushes.items()]
            failpoints.reached("ingest: partials due")
            sent = await self._journal(partial for flush in flushes.values() for partial in flush.partials)
            sent += await self._bury()
            failpoints.reached("ingest: partials sent")
            await asyncio.gather(*sent)
            failpoints.reached("ingest: partials acknowledged")
            await self._tell(reports, wall)
            failpoints.reached("ingest: progress acknowledged")
            await self._commit({p: flush.commit for p, flush in flushes.items() if flush.commit is not None})

    async def _journal(self, partials: Iterable[Partial]) -> list[asyncio.Future[Any]]:
        """Send partials on their way, each to the journal partition of its rollout."""
        topic = self._topics.journal
        partitions = len(await self._producer.partitions_for(topic))
        shares: defaultdict[int, list[Partial]] = defaultdict(list)
        for partial in partials:
            shares[clients.partition_for(partial.rollout, partitions)].append(partial)
        return [
            await self._producer.send(topic, value, partition=number)
            for number, share in shares.items()
            for value in bundled(share)
        ]

    async def _bury(self) -> list[asyncio.Future[Any]]:
        """Send the dead letters on their way; they count as kept once acknowledged."""
        dead, self._dead = self._dead, []
        topic = self._topics.dead_letters
        return [
            await self._producer.send(topic, letter.body(), key=letter.key, headers=letter.headers()) for letter in dead
        ]

    def _end(self, partition: TopicPartition) -> int:
        """The end of a partition, as far as it is known."""
        end = end_of(self._consumer, partition)
        return 0 if end is None else end.offset

    async def _report(self, partition: TopicPartition, flush: Flush) -> SourceProgress:
        """How far this partition is: after the partials of this flush, never ahead of them."""
        try:
            position = await asyncio.wait_for(self._consumer.position(partition), 0.05)
        except (TimeoutError, IllegalStateError):
            position = None  # not known yet, or no longer ours
        end = end_of(self._consumer, partition)
        caught_up = False
        if end is not None and position is not None:
            caught_up = flush.all_read and position >= end.offset and end.age_ms <= FRESH_MS
            metrics.INGEST_LAG.labels(partition.partition).set(max(0, end.offset - position))
        source = SourcePartition(partition.topic, partition.partition)
        return SourceProgress(source, flush.position or position or 0, flush.newest, caught_up)

    async def _tell(self, reports: list[SourceProgress], wall: int) -> None:
        record = encode(Progress(worker=self._settings.worker_id, wall=wall, sources=reports, rule=rule()))
        partitions = await self._producer.partitions_for(self._topics.journal)
        sent = [await self._producer.send(self._topics.journal, record, partition=number) for number in partitions]
        await asyncio.gather(*sent)

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        mine = {partition: offset for partition, offset in offsets.items() if partition in self._chunkers}
        if not mine:
            return
        failpoints.reached("ingest: before commit")
        try:
            await self._consumer.commit(mine)
            failpoints.reached("ingest: committed")
        except (CommitFailedError, IllegalStateError) as error:
            self.log.info("commit refused, the partitions moved: %s", error)


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Keeps one fresh chunker per partition owned: what was open when it moved is read again from the last commit."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._ingest.release(revoked)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._ingest.take_over(assigned)
