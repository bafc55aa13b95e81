"""Reads the audit log and the audited topics to their ends as of now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from aiokafka import ConsumerRecord

from connectors.kafka.clients import LARGEST_MESSAGE, KafkaSettings, admin
from connectors.kafka.record_times import record_time
from connectors.kafka.stopping import stop_client
from connectors.kafka.topic_ids import topic_ids
from connectors.kafka.topic_reader import partitions_of, read_to_end, reader, to_end
from streams.audit.chain import Entry, digest
from streams.audit.records import audited
from streams.audit.verifying import SourceRecord, Verifier
from streams.audit.writer import AUDIT_PARTITION
from streams.clock import wall_ms
from streams.journal import Origin


async def read_log(settings: KafkaSettings, verifier: Verifier) -> AsyncIterator[tuple[Entry, bytes]]:
    """The entries of the chain with their bytes, each after the verifier has checked it."""
    async for record in read_to_end(settings, settings.topics.audit, [AUDIT_PARTITION]):
        entry = verifier.check(record.offset, record.value)
        if entry is not None:
            yield entry, record.value or b""


async def verify(settings: KafkaSettings, *, first: int | None = None, anchor: str | None = None) -> Verifier:
    """Check the whole log, also against the audited topics.

    The topics are read first: what is in them by then must be in the log, which is read later.
    """
    names = settings.topics
    await partitions_of(settings, names.audit)
    ids = await _ids_of(settings, *audited(names))
    sources = [_hashed(record, ids) async for record in _read_sources(settings)]
    # Only the judge writes these, without transactions, and they are never compacted: so they have every offset, and a
    # skipped one is a missing record.
    verifier = Verifier(first=first, anchor=anchor, whole=(names.decisions, names.commands))
    async for _ in read_log(settings, verifier):
        pass
    verifier.finish(sources, wall_ms())
    return verifier


async def _read_sources(settings: KafkaSettings) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    assigned = await partitions_of(settings, *audited(settings.topics))
    async with reader(settings, assigned, max_partition_fetch_bytes=LARGEST_MESSAGE) as source:
        async for record in to_end(source):
            yield record


async def _ids_of(settings: KafkaSettings, *topics: str) -> dict[str, str]:
    client = admin(settings)
    try:
        await client.start()
        return await topic_ids(client, *topics)
    finally:
        await stop_client(client)


def _hashed(record: ConsumerRecord[bytes, bytes], ids: Mapping[str, str]) -> SourceRecord:
    source = Origin(record.topic, record.partition, record.offset, ids.get(record.topic, ""))
    return SourceRecord(source, record_time(record), None if record.value is None else digest(record.value))
