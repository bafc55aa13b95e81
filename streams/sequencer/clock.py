"""The journal's clock: a progress record per second in every journal partition.

So silence is noticed even where no worker ingests: no time passes in the journal but by its records.
"""

from __future__ import annotations

import asyncio
from typing import Any

import faust
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from connectors.kafka import clients
from streams.clock import wall_ms
from streams.journal import Progress, encode
from streams.runtime.consumer_progress import end_of
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.settings import Settings

CLOCK_SECONDS = 1.0


class JournalClock(Service):
    """Writes the wall clock to every journal partition, and beats for the sequencer's health.

    Several sequencers may write at once: the fold never lets the clock go back.
    """

    def __init__(self, settings: Settings, health: Health, app: faust.App, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._pulse = health.pulse("sequencer")
        self._hearing = Hearing(app)

    async def on_start(self) -> None:
        """Connect."""
        self._producer = clients.producer(self._settings)
        await self._producer.start()

    async def on_stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    @Service.timer(CLOCK_SECONDS)
    async def _write_time(self) -> None:
        record = encode(Progress(worker=self._settings.worker_id, wall=wall_ms(), sources=[]))
        topic = self._settings.topics.journal
        try:
            for partition in await self._producer.partitions_for(topic):
                await self._producer.send_and_wait(topic, record, partition=partition)
        except KafkaError as error:
            self.log.warning("the time was not written to the journal, next try in %g s: %s", CLOCK_SECONDS, error)
            return
        self._pulse.ready = True
        # Agents have no loop of their own that could beat, so their consumer's headway is looked at here.
        if self._hearing.good(asyncio.get_running_loop().time()):
            self._pulse.beat()


class Hearing:
    """Whether Faust's own consumer, which serves the agents, is answered by Kafka and gets on with what it has."""

    def __init__(self, app: faust.App) -> None:
        self._app = app
        self._done: dict[Any, tuple[int | None, float]] = {}

    def good(self, now: float) -> bool:
        """Whether each partition was fetched lately, and is read to its end or further than it was a while ago.

        `now` is seconds of a clock that never goes back; call this every few seconds.
        """
        good = [self._gets_on(partition, now) for partition in self._app.consumer.assignment()]
        return all(good)

    def _gets_on(self, partition: Any, now: float) -> bool:
        consumer: Any = self._app.consumer
        end = end_of(consumer._thread._ensure_consumer(), TopicPartition(partition.topic, partition.partition))
        done = consumer._committed_offset[partition]
        before, since = self._done.get(partition, (None, now))
        if end is None or done != before or done is None or done >= end.offset:
            since = now
        self._done[partition] = done, since
        return end is not None and max(end.age_ms, (now - since) * 1000) <= LONGEST_UNANSWERED_MS
