"""Writing what ingest has counted to the journal: partials and progress.

A version fits into the largest message that we set up the journal for. A topic that takes less refuses it each time, so
that error is not one to try again: from then on such a version is written without its cells, as refused requests. It
cannot be sent in place of the refused message: versions that follow may be in the journal by then, and the join would
ignore an older one. So ingest counts again from its commit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from connectors.kafka import clients
from connectors.kafka.topics import TopicNames
from streams.ingest.cutting import rule
from streams.journal import BUNDLE_BYTES, Partial, Progress, SourceProgress, bundled, encode
from streams.runtime import metrics

LIMIT_S: Final = 300.0
"""Seconds for which a refused size is remembered: then someone may have set the topic right."""

log = logging.getLogger(__name__)

Sends = list[asyncio.Future[Any]]
"""Messages that were sent; each future ends when the broker has acknowledged its message."""


class LearnedLimit:
    """The size up to which the journal takes messages, learned from those that it refuses.

    A topic that does not even take `BUNDLE_BYTES` is set up wrongly: then nothing is refused, and writing is tried
    again until that is put right.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bytes = clients.LARGEST_MESSAGE
        self._until = 0.0

    @property
    def bytes(self) -> int:
        """The largest message that may fit."""
        return self._bytes if self._clock() < self._until else clients.LARGEST_MESSAGE

    def refuse(self, size: int) -> None:
        """The journal has refused a message of this size. What it takes is unknown: half of it is tried next."""
        if size > BUNDLE_BYTES:
            self._bytes = max(BUNDLE_BYTES, min(self.bytes, size // 2))
            self._until = self._clock() + LIMIT_S


class JournalWriter:
    """Sends the output of one worker's ingest through its producer."""

    def __init__(self, producer: AIOKafkaProducer, topics: TopicNames, worker_id: str) -> None:
        self._limit = LearnedLimit()
        self._producer = producer
        self._topics = topics
        self._worker_id = worker_id

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    @property
    def trouble(self) -> str:
        """Why large versions are refused; empty if they are not."""
        if (most := self._limit.bytes) == clients.LARGEST_MESSAGE:
            return ""
        return (
            f"{self._topics.journal} refuses messages of {most * 2:,} bytes, so large counts are refused; "
            f"set its max.message.bytes to {clients.LARGEST_MESSAGE}"
        )

    async def send_partials(self, partials: Iterable[Partial]) -> Sends:
        """Send partials, each to the journal partition of its rollout."""
        topic = self._topics.journal
        partitions = len(await self._producer.partitions_for(topic))
        shares: defaultdict[int, list[Partial]] = defaultdict(list)
        for partial in partials:
            shares[clients.partition_for(partial.rollout, partitions)].append(partial)
        return [
            asyncio.ensure_future(self._learn(await self._producer.send(topic, value, partition=number), len(value)))
            for number, share in shares.items()
            for value in bundled(self._encoded(share))
        ]

    def _encoded(self, partials: Iterable[Partial]) -> Iterator[bytes]:
        most = self._limit.bytes
        for partial in partials:
            value = encode(partial)
            if len(value) > most:
                metrics.OVERSIZED_PARTIALS.inc()
                value = encode(partial.without_cells())
            yield value

    async def _learn(self, sent: Awaitable[Any], size: int) -> None:
        """Wait for an ack, and learn from a message that is refused for its size."""
        try:
            await sent
        except MessageSizeTooLargeError:
            self._limit.refuse(size)
            raise

    async def report_progress(
        self, sources: list[SourceProgress], wall: int, partitions: dict[str, int] | None = None
    ) -> None:
        """Write the progress of the source partitions to each journal partition, and wait for it."""
        progress = Progress(worker=self._worker_id, wall=wall, sources=sources, rule=rule(), partitions=partitions)
        record = encode(progress)
        partitions = await self._producer.partitions_for(self._topics.journal)
        sent = [await self._producer.send(self._topics.journal, record, partition=number) for number in partitions]
        await asyncio.gather(*sent)
