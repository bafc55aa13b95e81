"""What ingest reports of the source partitions that it counts: how far it is, and which partitions there are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError
from aiokafka.structs import TopicPartition

from connectors.kafka.consumer_progress import FRESH_MS, end_of
from streams.ingest.chunks import Chunker, Flush
from streams.journal import SourceProgress
from streams.runtime import metrics

POSITION_WAIT_S = 0.05
"""How long to wait for a position: it is known at once, or the partition has just moved."""


class SourceReports:
    """Reports on the partitions of a topic, from what its consumer has fetched."""

    def __init__(self, consumer: AIOKafkaConsumer[bytes, bytes], topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self._begun: dict[TopicPartition, Chunker] = {}  # those with partials

    def end(self, partition: TopicPartition) -> int:
        """The end of a partition, as far as it is known; 0 if it is not."""
        end = end_of(self._consumer, partition)
        return 0 if end is None else end.offset

    async def progress(self, partition: TopicPartition, chunker: Chunker, flush: Flush) -> SourceProgress:
        """The progress of a partition as of this flush.

        Its position is that of what is journaled, not of what is read: the next worker must not begin behind it.
        """
        try:
            position = await asyncio.wait_for(self._consumer.position(partition), POSITION_WAIT_S)
        except (TimeoutError, IllegalStateError):
            position = None  # not known yet, or no longer ours
        end = end_of(self._consumer, partition)
        caught_up = False
        if end is not None and position is not None:
            caught_up = flush.all_read and position >= end.offset and end.age_ms <= FRESH_MS
            metrics.INGEST_LAG.labels(partition.partition).set(max(0, end.offset - position))
        reached = chunker.place.offset if flush.position is None else flush.position
        return SourceProgress(chunker.source, reached, flush.newest, caught_up, flush.limited.unplaced, *chunker.place)

    def beginnings(
        self, flushes: Mapping[TopicPartition, Flush], owned: Mapping[TopicPartition, Chunker]
    ) -> list[SourceProgress]:
        """Where those chunkers began whose first partials are in these flushes.

        It is journaled before those partials: if the worker ends between them and their progress, and the offsets of
        the group are moved meanwhile, nothing else shows that records before them were never counted.
        """
        first = {each: owned[each] for each, flush in flushes.items() if flush.partials}
        first = {
            partition: chunker for partition, chunker in first.items() if self._begun.get(partition) is not chunker
        }
        self._begun = {each: chunker for each, chunker in (self._begun | first).items() if each in owned}
        return [SourceProgress(each.source, each.place.offset, None, False, 0, *each.place) for each in first.values()]

    def partitions(self) -> dict[str, int]:
        """The number of partitions of the topic; empty as long as it is not known."""
        found: set[int] | None = self._consumer.partitions_for_topic(self._topic)
        return {self._topic: max(found) + 1} if found else {}
