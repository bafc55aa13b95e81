"""Writing what ingest has counted: partials and progress to the journal, dead letters to their topic."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from connectors.kafka.topics import TopicNames
from streams.ingest.cutting import rule
from streams.journal import Partial, Progress, SourceProgress, bundled, encode

Sends = list[asyncio.Future[Any]]
"""Messages that were sent; each future ends when the broker has acknowledged its message."""


class JournalWriter:
    """Sends the output of one worker's ingest through its producer."""

    def __init__(self, producer: AIOKafkaProducer, topics: TopicNames, worker_id: str) -> None:
        self._producer = producer
        self._topics = topics
        self._worker_id = worker_id

    async def send_partials(self, partials: Iterable[Partial]) -> Sends:
        """Send partials, each to the journal partition of its rollout."""
        topic = self._topics.journal
        partitions = len(await self._producer.partitions_for(topic))
        shares: defaultdict[int, list[Partial]] = defaultdict(list)
        for partial in partials:
            shares[clients.partition_for(partial.rollout, partitions)].append(partial)
        return [
            await self._producer.send(topic, value, partition=number)
            for number, share in shares.items()
            for value in bundled(share)
        ]

    async def send_dead_letters(self, letters: Iterable[DeadLetter]) -> Sends:
        """Send dead letters."""
        topic = self._topics.dead_letters
        return [
            await self._producer.send(topic, letter.body(), key=letter.key, headers=letter.headers())
            for letter in letters
        ]

    async def report_progress(
        self, sources: list[SourceProgress], wall: int, partitions: dict[str, int] | None = None
    ) -> None:
        """Write the progress of the source partitions to each journal partition, and wait for it."""
        progress = Progress(worker=self._worker_id, wall=wall, sources=sources, rule=rule(), partitions=partitions)
        record = encode(progress)
        partitions = await self._producer.partitions_for(self._topics.journal)
        sent = [await self._producer.send(self._topics.journal, record, partition=number) for number in partitions]
        await asyncio.gather(*sent)
