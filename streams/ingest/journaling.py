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
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from connectors.kafka import clients
from connectors.kafka.stopping import stop_client
from streams.clock import BrokerClock, WallTime
from streams.ingest.commits import Commits
from streams.ingest.cutting import rule
from streams.ingest.lanes import Lane, Lanes, Version
from streams.journal import BUNDLE_BYTES, NO_COUNTS, Partial, Progress, SourceProgress, bundled, encode
from streams.runtime import failpoints, metrics
from streams.runtime.settings import Settings

LIMIT_S: Final = 300.0
"""Seconds for which a refused size is remembered: then someone may have set the topic right."""

SETTINGS_S: Final = 10.0
"""Seconds between two reports of the settings; each costs as many bytes as the rest of a progress record."""

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

    def __init__(
        self, producer: AIOKafkaProducer, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = LearnedLimit()
        self._producer = producer
        self._settings = settings
        self._topics = settings.topics
        self._clock = clock
        self._settings_due = float("-inf")
        self.lanes = Lanes(self.lane)
        self.commits = Commits()
        self.broker_clock = BrokerClock()

    async def stop(self) -> None:
        """Disconnect."""
        await stop_client(self._producer)

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

    def lane(self, partition: int) -> Lane:
        """The lane of a journal partition."""
        return Lane(f"{self._topics.journal} partition {partition}", partial(self.write, partition))

    async def shares(self, partials: Iterable[Partial]) -> dict[int, dict[Hashable, Version]]:
        """Encoded partials, for each journal partition those of its rollouts; versions of a chunk share a key."""
        partitions = self._settings.journal_partitions(await self._producer.partitions_for(self._topics.journal))
        shares: dict[int, dict[Hashable, Version]] = {number: {} for number in partitions}
        for each, value in self._encoded(partials):
            share = shares[clients.partition_for(each.rollout, len(partitions))]
            share[each.rollout, each.source, each.start, each.topic_id] = Version(each.upto, value)
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
        progress, sent_at = progress or self.progress([], self.broker_clock.now(), {}), self.broker_clock.begin()
        ack = await self._producer.send_and_wait(topic, progress, partition=partition)
        self.broker_clock.learn(ack, sent_at)
        failpoints.reached("ingest: progress acknowledged")

    async def learn_time(self) -> None:
        """Learn the broker's time before the first record that has a time; it may stay unknown."""
        found = await self._producer.partitions_for(self._topics.journal)
        send = partial(self._producer.send_and_wait, self._topics.journal, NO_COUNTS)
        await self.broker_clock.ask(send, self._settings.journal_partitions(found))

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

    def progress(self, sources: list[SourceProgress], at: WallTime, partitions: dict[str, int]) -> bytes:
        """The record of the progress of the source partitions; now and then with the settings of this worker."""
        shared = None
        if self._clock() >= self._settings_due:
            shared, self._settings_due = self._settings.shared, self._clock() + SETTINGS_S
        progress = Progress(
            worker=self._settings.worker_id,
            wall=at.wall,
            sources=sources,
            rule=rule(),
            partitions=partitions,
            broker=at.broker,
            settings=shared,
        )
        return encode(progress)
