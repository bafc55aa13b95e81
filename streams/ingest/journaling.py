"""Writing what ingest has counted: partials and progress to the journal, dead letters to their topic.

A version fits into the largest message that we set up the journal for. A topic that takes less refuses it each time, so
that error is not one to try again: from then on such a version is written without its cells, as refused requests. It
cannot be sent in place of the refused message: versions that follow may be in the journal by then, and the join would
ignore an older one. So ingest counts again from its commit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from connectors.kafka.topics import TopicNames
from streams.clock import wall_ms
from streams.ingest.commits import Commits
from streams.ingest.cutting import rule
from streams.ingest.lanes import Lane, Lanes
from streams.journal import BUNDLE_BYTES, Partial, Progress, SourceProgress, bundled, encode
from streams.runtime import failpoints, metrics

LIMIT_S: Final = 300.0
"""Seconds for which a refused size is remembered: then someone may have set the topic right."""

log = logging.getLogger(__name__)


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
    """Sends the output of one worker's ingest through its producer.

    `lanes` write to each partition of the journal on its own, and `commits` has the offsets that wait for all of them.
    """

    def __init__(self, producer: AIOKafkaProducer, topics: TopicNames, worker_id: str) -> None:
        self._limit = LearnedLimit()
        self._producer = producer
        self._topics = topics
        self._worker_id = worker_id
        self.lanes = Lanes(self.lane)
        self.commits = Commits()

    @property
    def trouble(self) -> str:
        """Why large versions are refused; empty if they are not."""
        if (most := self._limit.bytes) == clients.LARGEST_MESSAGE:
            return ""
        return (
            f"{self._topics.journal} refuses messages of {most * 2:,} bytes, so large counts are refused; "
            f"set its max.message.bytes to {clients.LARGEST_MESSAGE}"
        )

    def reset(self) -> None:
        """Write nothing of what waits, and commit nothing of it: it is counted again."""
        self.lanes.reset()
        self.commits = Commits()

    def lane(self, partition: int | None) -> Lane[Any]:
        """The lane of a journal partition; None gives that of the dead letters."""
        if partition is None:
            return Lane(self._topics.dead_letters, self.write_letters, lambda letter: len(letter.value), side=True)
        return Lane(f"{self._topics.journal} partition {partition}", partial(self.write, partition), len)

    async def shares(self, partials: Iterable[Partial]) -> dict[int, dict[Hashable, bytes]]:
        """Encoded partials, for each journal partition those of its rollouts; versions of a chunk share a key."""
        partitions = await self._producer.partitions_for(self._topics.journal)
        shares: dict[int, dict[Hashable, bytes]] = {number: {} for number in partitions}
        for each, value in self._encoded(partials):
            share = shares[clients.partition_for(each.rollout, len(partitions))]
            share[each.rollout, each.source, each.start] = value
        return shares

    async def write(self, partition: int, partials: Iterable[bytes], progress: bytes | None) -> None:
        """Write encoded partials to a journal partition, and then progress: it must never be ahead of the counts.

        Without progress it is the time that is written.
        """
        topic = self._topics.journal
        sent = [
            asyncio.ensure_future(self._learn(await self._producer.send(topic, value, partition=partition), len(value)))
            for value in bundled(partials)
        ]
        failpoints.reached("ingest: partials sent")
        await asyncio.gather(*sent)
        failpoints.reached("ingest: partials acknowledged")
        await self._producer.send_and_wait(topic, progress or self.progress([], wall_ms(), {}), partition=partition)
        failpoints.reached("ingest: progress acknowledged")

    def _encoded(self, partials: Iterable[Partial]) -> Iterator[tuple[Partial, bytes]]:
        most = self._limit.bytes
        for each in partials:
            value = encode(each)
            if len(value) > most:
                metrics.OVERSIZED_PARTIALS.inc()
                value = encode(each.without_cells())
            yield each, value

    async def _learn(self, sent: Awaitable[Any], size: int) -> None:
        """Wait for an ack, and learn from a message that is refused for its size."""
        try:
            await sent
        except MessageSizeTooLargeError:
            self._limit.refuse(size)
            raise

    async def write_letters(self, letters: Iterable[DeadLetter], _closing: bytes | None = None) -> None:
        """Write dead letters."""
        await asyncio.gather(*[self._send_letter(letter) for letter in letters])

    async def _send_letter(self, letter: DeadLetter) -> None:
        """Send a letter; one that is refused for its size without its bytes, since its headers have their place."""
        topic = self._topics.dead_letters
        try:
            await self._producer.send_and_wait(topic, letter.body(), key=letter.key, headers=letter.headers())
        except MessageSizeTooLargeError:
            await self._producer.send_and_wait(topic, b"", headers=letter.without_bytes().headers())

    def progress(self, sources: list[SourceProgress], wall: int, partitions: dict[str, int]) -> bytes:
        """The record of the progress of the source partitions."""
        return encode(Progress(worker=self._worker_id, wall=wall, sources=sources, rule=rule(), partitions=partitions))
