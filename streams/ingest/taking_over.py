"""Where ingest begins to read a source partition: at the offset that its group committed, if that still exists.

The place is chosen here and not by the client, because what is passed over must be known: the progress of ingest names
the offset from which on it has counted everything. A client would begin elsewhere without a notice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError
from aiokafka.structs import TopicPartition

from connectors.error_text import text_of
from streams.cells import SourcePartition
from streams.clock import wall_ms
from streams.ingest.chunks import Chunker, Place
from streams.ingest.source_topic import SourceTopic
from streams.topic_identity import is_same, joined, marked, topic_id

RETRY_SECONDS: Final = 1.0
OPEN_S: Final = 10.0
"""How long the broker may take for all answers on a partition, before it is asked again and health names it."""

log = logging.getLogger(__name__)


class TakingOver:
    """The partitions that are assigned to us and not read yet: `opened` gets a chunker for each once it is.

    Each is opened by a task of its own: one partition without a leader must not keep the others from being read.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer[bytes, bytes],
        max_future_ms: int,
        topic: SourceTopic,
        opened: Callable[[TopicPartition, Chunker], None],
    ) -> None:
        self._consumer = consumer
        self._max_future_ms = max_future_ms
        self._topic = topic
        self._opened = opened
        self._identities: dict[TopicPartition, str] = {}  # those that were opened last
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._failing: dict[TopicPartition, str] = {}

    @property
    def failing(self) -> str:
        """The partitions that could not be opened, and why; empty if there are none."""
        failed = sorted(self._failing.items())
        return "; ".join(f"{place.topic} partition {place.partition} cannot be opened: {why}" for place, why in failed)

    def begin(self, partitions: Collection[TopicPartition], failed: Mapping[TopicPartition, int] | None = None) -> None:
        """Open these partitions; nothing of them is read before.

        `failed` are the offsets at which the log of some has no record to read next: it begins later, or ends before.
        """
        self.release(partitions)
        self._consumer.pause(*partitions)
        for partition in partitions:
            opening = self._open(partition, (failed or {}).get(partition))
            self._tasks[partition] = asyncio.create_task(opening)

    def release(self, partitions: Collection[TopicPartition]) -> None:
        """Another worker opens these."""
        for partition in partitions:
            self._failing.pop(partition, None)
            if task := self._tasks.pop(partition, None):
                task.cancel()

    async def stop(self) -> None:
        """Open nothing any more, and disconnect."""
        self.release(list(self._tasks))
        await self._topic.stop()

    async def outdated(self, chunkers: Mapping[TopicPartition, Chunker]) -> set[TopicPartition]:
        """The partitions whose topic was made again since they were opened.

        Call it once all has been fetched that is about to be journaled, and before it is: then none of it is of another
        topic than that of its chunker, because an id never comes back. If it cannot be learned, it is the one known.
        """
        identity = await self._topic.identity_or_none() if chunkers else None
        if identity is None:
            return set()
        return {each for each, of in chunkers.items() if not is_same(of.place.topic_id, identity)}

    async def _open(self, partition: TopicPartition, failed: int | None) -> None:
        """Open a partition; tried again until Kafka answers."""
        while True:
            try:
                async with asyncio.timeout(OPEN_S):
                    place = await self._place(partition, failed)
                self._failing.pop(partition, None)
                self._consumer.seek(partition, place.offset)
                source = SourcePartition(partition.topic, partition.partition)
                self._identities[partition] = place.topic_id
                self._opened(partition, Chunker(source, self._max_future_ms, place))
                self._consumer.resume(partition)
            except IllegalStateError:
                log.info("%s partition %d moved to another worker", partition.topic, partition.partition)
            except Exception as error:  # of any kind: a partition that is never opened must not look idle
                self._failing[partition] = type(error).__name__
                log.error(
                    "%s partition %d cannot be read yet, trying again in %g s: %s",
                    partition.topic,
                    partition.partition,
                    RETRY_SECONDS,
                    text_of(error),
                )
                await asyncio.sleep(RETRY_SECONDS)
                continue
            return

    async def _place(self, partition: TopicPartition, failed: int | None) -> Place:
        identity = await self._topic.identity()
        oldest: int = (await self._consumer.beginning_offsets([partition]))[partition]
        committed: int | None = await self._consumer.committed(partition)
        before = self._identities.get(partition, identity)
        if not is_same(before, identity):
            # What is committed may be of the topic before: a commit names a topic, not its id.
            log.error(
                "%s partition %d was made again: what was not read of it before is lost", partition.topic, partition[1]
            )
            return Place(oldest, oldest, identity)
        identity = joined(before, identity)
        if committed is None:
            return Place(oldest, oldest, identity)
        if failed is not None and failed > oldest:
            return await self._after_end_went_back(partition, Place(oldest, oldest, identity), committed >= failed)
        if committed < oldest:
            log.warning(
                "%s partition %d: offsets %d to %d were deleted before this worker read them; "
                "keep the topic for longer than an outage of ingest",
                partition.topic,
                partition.partition,
                committed,
                oldest - 1,
            )
        return Place(max(committed, oldest), oldest, identity)

    async def _after_end_went_back(self, partition: TopicPartition, oldest: Place, unread: bool) -> Place:
        """Where to begin in a log that ends before the record that is to be read next; `unread`: nothing was read.

        If it was read, then it lost its newest records, and its offsets are used again: the next ones are other events.
        Without ids it is rather a topic that was made again.
        """
        if not topic_id(oldest.topic_id):
            return oldest._replace(topic_id=marked(oldest.topic_id, wall_ms()))
        if unread:
            return oldest  # the group's offset is of no use
        end: int = (await self._consumer.end_offsets([partition]))[partition]
        return Place(end, oldest.oldest, marked(oldest.topic_id, wall_ms()))
