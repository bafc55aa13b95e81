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
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from streams.ingest.cutting import rule
from streams.journal import BUNDLE_BYTES, Partial, Progress, SourceProgress, bundled, encode
from streams.runtime import metrics
from streams.runtime.settings import Settings

LIMIT_S: Final = 300.0
"""Seconds for which a refused size is remembered: then someone may have set the topic right."""

SETTINGS_S: Final = 10.0
"""Seconds between two reports of the settings; each costs as many bytes as the rest of a progress record."""

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

    def __init__(
        self, producer: AIOKafkaProducer, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = LearnedLimit()
        self._producer = producer
        self._settings = settings
        self._topics = settings.topics
        self._clock = clock
        self._settings_due = float("-inf")

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

    async def send_dead_letters(self, letters: Iterable[DeadLetter]) -> Sends:
        """Send dead letters."""
        return [asyncio.ensure_future(self._send_letter(letter)) for letter in letters]

    async def _send_letter(self, letter: DeadLetter) -> None:
        """Send a letter; one that is refused for its size without its bytes, since its headers have their place."""
        topic = self._topics.dead_letters
        try:
            await self._producer.send_and_wait(topic, letter.body(), key=letter.key, headers=letter.headers())
        except MessageSizeTooLargeError:
            await self._producer.send_and_wait(topic, b"", headers=letter.without_bytes().headers())

    async def report_progress(
        self, sources: list[SourceProgress], wall: int, partitions: dict[str, int] | None = None
    ) -> None:
        """Write the progress of the source partitions to each journal partition, and wait for it."""
        shared = None
        if self._clock() >= self._settings_due:
            shared, self._settings_due = self._settings.shared, self._clock() + SETTINGS_S
        progress = Progress(
            worker=self._settings.worker_id,
            wall=wall,
            sources=sources,
            rule=rule(),
            partitions=partitions,
            settings=shared,
        )
        record = encode(progress)
        partitions = await self._producer.partitions_for(self._topics.journal)
        sent = [await self._producer.send(self._topics.journal, record, partition=number) for number in partitions]
        await asyncio.gather(*sent)
