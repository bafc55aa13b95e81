"""The writer: appends new records of the audited topics to the audit log.

It keeps no state that the log does not have: the newest entry has the positions. Each step reads back what it wrote,
and only an entry that is in the log and continues the chain counts as written. So a writer may die at any moment, and
two may write at the same time (one was paused while another took over): of each record one entry is valid, and the
other void.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import IllegalStateError
from aiokafka.structs import ConsumerRecord, TopicPartition

from connectors.kafka import clients
from connectors.kafka.record_times import record_time
from connectors.kafka.stopping import stop_client
from connectors.kafka.topic_reader import PATIENCE_S, partitions_now, partitions_of, to_end
from connectors.kafka.topic_watch import TopicWatch
from streams.audit.chain import AuditRecord, Entry, Head, decode, encode
from streams.audit.records import audit_record, audited, unreadable_record
from streams.clock import wall_ms
from streams.journal import Origin
from streams.runtime import metrics
from streams.runtime.settings import Settings

log = logging.getLogger(__name__)

AUDIT_PARTITION = 0
MOST_AT_ONCE = 500


class Writer:
    """One writer of the log: `open` it once, then call `step` again and again.

    `head_offset` is the newest entry's offset in the log; a writer that is opened with it need not read the whole log.
    """

    def __init__(self, settings: Settings, alive: Callable[[], None] = lambda: None) -> None:
        """`alive` is called for each record read from the log: reading many of them at first is headway."""
        self._settings = settings
        self._alive = alive
        self._kinds = audited(settings.topics)
        self._head = Head()
        self.head_offset: int | None = None
        self._read = -1
        options = {"max_partition_fetch_bytes": clients.LARGEST_MESSAGE, "fetch_max_wait_ms": 100}
        self._log: AIOKafkaConsumer[bytes, bytes] = clients.consumer(settings, **options)
        self._sources: AIOKafkaConsumer[bytes, bytes] = clients.consumer(settings, **options)
        self._topics = TopicWatch(settings, *self._kinds)
        self._producer: AIOKafkaProducer = clients.producer(settings)

    async def open(self, known: int | None) -> None:
        """Find the newest entry, from the offset of a `known` one or from the beginning, and continue after it.

        Raises:
            TopicsMissingError, TimeoutError, aiokafka.errors.KafkaError: it cannot be read.
        """
        for client in (self._log, self._sources, self._producer, self._topics):
            await client.start()
        place = TopicPartition(self._settings.topics.audit, AUDIT_PARTITION)
        self._log.assign([place])
        for start in (known, 0):
            if start is not None and self.head_offset is None:
                self._log.seek(place, start)
                async for record in to_end(self._log):
                    self._follow(record)
        self._sources.assign(await partitions_of(self._settings, *self._kinds))
        self._rewind()
        log.info("audit log: continuing after entry %d", self._head.sequence)

    async def close(self) -> None:
        """Disconnect."""
        for client in (self._log, self._sources, self._producer, self._topics):
            await stop_client(client)

    @property
    def readers(self) -> tuple[AIOKafkaConsumer[bytes, bytes], AIOKafkaConsumer[bytes, bytes]]:
        """The consumers of the log and of the audited topics; only to look at."""
        return self._log, self._sources

    @property
    def outdated(self) -> bool:
        """Whether an audited topic has other partitions than are read: more, or, after it was made again, fewer."""
        there = partitions_now(self._sources, self._kinds)
        known = {place.topic for place in there}
        return there != {place for place in self._sources.assignment() if place.topic in known}

    async def step(self, timeout_ms: int) -> bool:
        """Write entries for new records, waiting at most `timeout_ms` for one; returns whether any were written.

        Raises:
            TimeoutError, aiokafka.errors.KafkaError: it is unknown what was written; close this writer and open
            another.
        """
        found = await self._sources.getmany(timeout_ms=timeout_ms, max_records=MOST_AT_ONCE)
        if await self._topics.made_again(fetched=bool(found)):
            self._rewind()
            return False
        await self._read_log(0)
        head, sent, kinds = self._head, [], []
        for record in (record for records in found.values() for record in records):
            draft = self._draft(head, record)
            if draft is None:
                continue
            entry, value = draft
            head = Head.at(entry, value)
            key = None if entry.rollout is None else entry.rollout.encode()
            sent.append(
                await self._producer.send(self._settings.topics.audit, value, key=key, partition=AUDIT_PARTITION)
            )
            kinds.append(entry.kind)
        if sent:
            await self._read_back([written.offset for written in await asyncio.gather(*sent)])
            if self._head.hash == head.hash:
                for kind in kinds:
                    metrics.AUDIT_ENTRIES.labels(kind).inc()
            else:
                log.warning(
                    "another writer appended to the audit log at the same time; continuing after its entry %d",
                    self._head.sequence,
                )
                self._rewind()
        await self._observe()
        return bool(sent)

    def _draft(self, head: Head, record: ConsumerRecord[bytes, bytes]) -> tuple[Entry, bytes] | None:
        source = Origin(record.topic, record.partition, record.offset, self._topics.id_of(record.topic))
        at, value = record_time(record), record.value
        try:
            message = audit_record(self._kinds[record.topic], source, at, value, record.headers)
            drafted = _encoded(head, message, self._settings.worker_id)
        except Exception:
            # Of any kind: one record must not end the log. Its place, time and hash are what every record has.
            log.exception("%s %d@%d is audited as unreadable", source.topic, source.partition, source.offset)
            drafted = _encoded(head, unreadable_record(source, at, value), self._settings.worker_id)
        if drafted is None:
            metrics.AUDIT_SKIPPED.labels(record.topic).inc()
        return drafted

    async def _read_back(self, offsets: list[int]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self._read < max(offsets):
                await self._read_log(100)

    async def _read_log(self, timeout_ms: int) -> None:
        for records in (await self._log.getmany(timeout_ms=timeout_ms)).values():
            for record in records:
                self._follow(record)

    def _follow(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Move to an entry that continues the chain; the first one read begins it."""
        self._read = record.offset
        self._alive()
        try:
            entry = decode(record.value)
        except msgspec.DecodeError:
            metrics.AUDIT_VOID.inc()
            return
        begins = self.head_offset is None
        head = Head.at(entry, record.value) if begins else self._head.follow(entry, record.value)
        if head is None:
            metrics.AUDIT_VOID.inc()
            return
        self._head, self.head_offset = head, record.offset

    def _rewind(self) -> None:
        """Continue reading the audited topics at the log's positions."""
        for one in self._sources.assignment():
            self._sources.seek(one, self._head.position(one.topic, one.partition, self._topics.id_of(one.topic)))

    async def _observe(self) -> None:
        behind: dict[str, int] = dict.fromkeys(self._kinds, 0)
        for one in self._sources.assignment():
            with contextlib.suppress(TimeoutError, IllegalStateError):
                async with asyncio.timeout(0.05):
                    position: Any = await self._sources.position(one)
                high = self._sources.highwater(one)
                behind[one.topic] += 0 if high is None else max(0, high - position)
        for topic, number in behind.items():
            metrics.AUDIT_LAG.labels(topic).set(number)


def _encoded(head: Head, message: AuditRecord, worker_id: str) -> tuple[Entry, bytes] | None:
    """The next entry, for this record, and its bytes; None if the record is already in the chain."""
    entry = head.next_entry(message, worker_id, wall_ms())
    return None if entry is None else (entry, encode(entry))
