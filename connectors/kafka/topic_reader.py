"""Reads a topic up to its end as of now: to recover state, to catch up, to list.

The end is the high watermark of each fetch, which is right on every broker of the Kafka protocol (`end_offsets` is too
low on the embedded one). The end is reached when the consumer's position is there: after compaction or a transaction
marker the last offsets have no record, and waiting for one would never end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from connectors.kafka.clients import KafkaSettings, admin, consumer
from connectors.kafka.private_aiokafka import NO_LEADER
from connectors.kafka.stalled_partitions import describe, stalled
from connectors.kafka.stopping import stop_client

PATIENCE_S = 30.0
"""How long a broker may be silent before reading fails."""

_POLL_MS = 50
_NO_ERROR = 0


class StalledError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped
    """A partition cannot be read, because of something in it, or because the broker does not allow it."""


class TopicsMissingError(RuntimeError):
    """Topics to read do not exist, or we may not describe them."""


async def partitions_of(settings: KafkaSettings, *topics: str) -> list[TopicPartition]:
    """All partitions of the topics, in order; this creates no topic.

    Raises:
        TopicsMissingError: a topic does not exist; the message names each that does not.
        aiokafka.errors.KafkaError: no broker answers.
    """
    return sorted(await _leaders_of(settings, *topics))


async def _leaders_of(settings: KafkaSettings, *topics: str) -> dict[TopicPartition, int]:
    """All partitions of the topics, each with the number of its leader, as `partitions_of` finds them."""
    client = admin(settings)
    try:
        await client.start()
        # All topics, not only these: a broker may create a topic that a request names.
        described = {topic["topic"]: topic for topic in await client.describe_topics()}
    finally:
        await stop_client(client)
    known = {name: described[name] for name in topics if name in described}
    found = {name: topic["partitions"] for name, topic in known.items() if topic["error_code"] == _NO_ERROR}
    missing = sorted(name for name in topics if not found.get(name))
    if missing:
        unseen = "" if settings.security_protocol == "PLAINTEXT" else ", or none that we may Describe"
        raise TopicsMissingError(f"no such topic at {settings.bootstrap}{unseen}: {', '.join(missing)}")
    return {
        TopicPartition(name, one["partition"]): one["leader"]
        for name, partitions in found.items()
        for one in partitions
    }


async def read_to_end(
    settings: KafkaSettings,
    topic: str,
    partitions: Collection[int] | None = None,
    *,
    since_ms: int | None = None,
    patience_s: float = PATIENCE_S,
    leaderless: set[int] | None = None,
) -> AsyncGenerator[ConsumerRecord, None]:
    """Every record of a topic (of these partitions, if given), from the oldest to the end as of the start.

    With `since_ms` it begins at the first record with that time or a later one; a broker may begin earlier.
    With a set `leaderless`, partitions without a leader are added to it, before the first record, and not waited for.
    Records are in order within a partition, and in any order between partitions. Uncommitted records of a transaction
    are included. A caller that stops early should close the iterator (`contextlib.aclosing`).

    Raises:
        TopicsMissingError: the topic, or one of the partitions, does not exist.
        TimeoutError: the broker was silent for `patience_s`.
        aiokafka.errors.KafkaError: no broker answers, or it refuses (`StalledError` for one partition).
    """
    leaders = await _leaders_of(settings, topic)
    assigned = sorted(leaders)
    if partitions is not None:
        absent = sorted(set(partitions) - {one.partition for one in assigned})
        if absent:
            raise TopicsMissingError(f"no such partition of {topic} at {settings.bootstrap}: {absent}")
        assigned = [one for one in assigned if one.partition in set(partitions)]
    if leaderless is not None:
        leaderless |= {one.partition for one in assigned if leaders[one] == NO_LEADER}
        assigned = [one for one in assigned if one.partition not in leaderless]
    if not assigned:
        return
    async with reader(settings, assigned) as source:
        if since_ms is not None and not await _seek(source, since_ms):
            return
        ends: dict[TopicPartition, int] = {}
        async for record in to_end(source, patience_s=patience_s, ends=ends):
            if record.offset < ends[TopicPartition(record.topic, record.partition)]:
                yield record


async def _seek(source: AIOKafkaConsumer, since_ms: int) -> bool:
    """Continue at the first record since then in each partition, without those that have none; whether any is left."""
    found = await source.offsets_for_times(dict.fromkeys(source.assignment(), since_ms))
    # Not `seek_to_end`: what the consumer has fetched meanwhile would still come.
    begins = {one: place.offset for one, place in found.items() if place is not None and place.offset >= 0}
    if begins:
        source.assign(list(begins))
    for partition, offset in begins.items():
        source.seek(partition, offset)
    return bool(begins)


@asynccontextmanager
async def reader(
    settings: KafkaSettings, partitions: Collection[TopicPartition], **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer positioned at the oldest record of each of these partitions; `options` are aiokafka's.

    Raises:
        aiokafka.errors.KafkaError: no broker answers.
    """
    source = consumer(settings, fetch_max_wait_ms=_POLL_MS, **options)
    try:
        await source.start()
        source.assign(partitions)
        yield source
    finally:
        await stop_client(source)


def partitions_now(source: AIOKafkaConsumer, topics: Iterable[str]) -> set[TopicPartition]:
    """The partitions of these topics in the consumer's metadata; a topic may be missing from it for a while."""
    return {TopicPartition(topic, number) for topic in topics for number in source.partitions_for_topic(topic) or ()}


async def read_added(source: AIOKafkaConsumer, patience_s: float = PATIENCE_S) -> bool:
    """Read partitions that were added to the topics being read, too, each from its beginning; whether there are any.

    Raises:
        TimeoutError: the broker was silent for `patience_s`.
    """
    before = source.assignment()
    known = partitions_now(source, {one.topic for one in before})
    if known <= before:
        return False
    async with asyncio.timeout(patience_s):
        positions = {partition: await source.position(partition) for partition in before}
    source.assign(sorted(known | before))
    for partition, offset in positions.items():
        source.seek(partition, offset)
    return True


async def to_end(
    source: AIOKafkaConsumer,
    *,
    patience_s: float = PATIENCE_S,
    ends: dict[TopicPartition, int] | None = None,
    leave_stalled: bool = False,
) -> AsyncIterator[ConsumerRecord]:
    """Every record from a consumer's positions to the end as of now, in all partitions assigned to it.

    For a caller that continues with the same consumer: nothing is skipped, so records that came after the end may be
    among these. `ends` receives each partition's end (the offset after the last) before its records. With
    `leave_stalled` the reading does not wait for partitions that cannot be read, whose records may come later.

    Raises:
        StalledError: a partition cannot be read. It is raised at once: whether to try again is for the caller.
        TimeoutError: the broker was silent for `patience_s`.
    """
    ends = {} if ends is None else ends
    reached: dict[TopicPartition, int] = {}
    open_partitions: set[TopicPartition] = set(source.assignment())
    clock = asyncio.get_running_loop().time
    progress_at = clock()
    while open_partitions:
        batches = await source.getmany(timeout_ms=_POLL_MS)
        progress = bool(batches)
        for partition in open_partitions:
            end = source.highwater(partition)
            if end is not None and partition not in ends:
                ends[partition], progress = end, True
        for records in batches.values():
            for record in records:
                yield record
        stalls = {partition: why for partition, why in stalled(source).items() if partition in open_partitions}
        if stalls and not leave_stalled:
            raise StalledError(describe(stalls))
        open_partitions -= stalls.keys()
        for partition in ends.keys() & open_partitions:
            async with asyncio.timeout(patience_s):  # this waits for the broker if the position is being reset
                position = await source.position(partition)
            progress = progress or position != reached.get(partition)
            reached[partition] = position
            if position >= ends[partition]:
                open_partitions.discard(partition)
        if progress:
            progress_at = clock()
        elif clock() - progress_at > patience_s:
            waiting = ", ".join(f"{one.topic}[{one.partition}]" for one in sorted(open_partitions))
            raise TimeoutError(f"the broker has not answered for {patience_s:g} s about {waiting}")
