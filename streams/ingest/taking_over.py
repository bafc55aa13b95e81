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
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition

from streams.cells import SourcePartition
from streams.ingest.chunks import Chunker, Place

RETRY_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


class TakingOver:
    """The partitions that are assigned to us and not read yet: `opened` gets a chunker for each once it is.

    Each is opened by a task of its own: one partition without a leader must not keep the others from being read.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer[bytes, bytes],
        max_future_ms: int,
        opened: Callable[[TopicPartition, Chunker], None],
    ) -> None:
        self._consumer = consumer
        self._max_future_ms = max_future_ms
        self._opened = opened
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}

    def begin(self, partitions: Collection[TopicPartition], failed: Mapping[TopicPartition, int] | None = None) -> None:
        """Open these partitions; nothing of them is read before.

        `failed` are the offsets at which the log of some has no record to read next, neither older nor newer ones.
        """
        self.release(partitions)
        self._consumer.pause(*partitions)
        for partition in partitions:
            opening = self._open(partition, (failed or {}).get(partition))
            self._tasks[partition] = asyncio.create_task(opening)

    def release(self, partitions: Collection[TopicPartition]) -> None:
        """Another worker opens these."""
        for partition in partitions:
            if task := self._tasks.pop(partition, None):
                task.cancel()

    def stop(self) -> None:
        """Open nothing any more."""
        self.release(list(self._tasks))

    async def _open(self, partition: TopicPartition, failed: int | None) -> None:
        """Open a partition; tried again until Kafka answers."""
        while True:
            try:
                place = await self._place(partition, failed)
                self._consumer.seek(partition, place.offset)
                source = SourcePartition(partition.topic, partition.partition)
                self._opened(partition, Chunker(source, self._max_future_ms, place))
                self._consumer.resume(partition)
            except IllegalStateError:
                log.info("%s partition %d moved to another worker", partition.topic, partition.partition)
            except (KafkaError, TimeoutError) as error:
                log.error(
                    "%s partition %d cannot be read yet, trying again in %g s: %s",
                    partition.topic,
                    partition.partition,
                    RETRY_SECONDS,
                    error,
                )
                await asyncio.sleep(RETRY_SECONDS)
                continue
            return

    async def _place(self, partition: TopicPartition, failed: int | None) -> Place:
        oldest: int = (await self._consumer.beginning_offsets([partition]))[partition]
        committed: int | None = await self._consumer.committed(partition)
        if committed is None or (failed is not None and committed >= failed):
            return Place(oldest, oldest)  # the log ends before what was committed: it was created again
        if committed < oldest:
            log.warning(
                "%s partition %d: offsets %d to %d were deleted before this worker read them; "
                "keep the topic for longer than an outage of ingest",
                partition.topic,
                partition.partition,
                committed,
                oldest - 1,
            )
        return Place(max(committed, oldest), oldest)
