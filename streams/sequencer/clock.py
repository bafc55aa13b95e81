"""The journal's clock: a progress record per second in every journal partition.

Time passes in the journal only by its records. These records make silence visible even if no worker ingests.
"""

from __future__ import annotations

import asyncio
from typing import Any

import faust
from aiokafka.errors import KafkaError
from mode import Service

from connectors.kafka import clients
from connectors.kafka.faust_consumer import FaustProgress
from streams.clock import wall_ms
from streams.journal import Progress, encode
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.letter_box import LetterBox
from streams.runtime.settings import Settings

CLOCK_SECONDS = 1.0


class JournalClock(Service):
    """Writes the wall clock to every journal partition, and beats for the sequencer's health.

    Several sequencers may write at once: the fold never lets the clock go back. `letters` sends what its agents refuse:
    they are no services, which could be started and stopped.
    """

    def __init__(self, settings: Settings, health: Health, app: faust.App, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._pulse = health.pulse("sequencer")
        self._faust = FaustProgress(app, LONGEST_UNANSWERED_MS)
        self.letters = LetterBox(settings, self._pulse)

    async def on_start(self) -> None:
        """Connect."""
        self._producer = clients.producer(self._settings)
        await self._producer.start()
        await self.letters.start()

    async def on_stop(self) -> None:
        """Disconnect."""
        await self.letters.stop()
        await self._producer.stop()

    @Service.timer(CLOCK_SECONDS)
    async def _write_time(self) -> None:
        record = encode(Progress(worker=self._settings.worker_id, wall=wall_ms(), sources=[], partitions={}))
        topic = self._settings.topics.journal
        try:
            for partition in await self._producer.partitions_for(topic):
                await self._producer.send_and_wait(topic, record, partition=partition)
        except KafkaError as error:
            self.log.warning("the time was not written to the journal, next try in %g s: %s", CLOCK_SECONDS, error)
            return
        self._pulse.ready = True
        # Agents have no loop of their own that could beat, so the headway of their consumer is checked here.
        if self._faust.healthy(asyncio.get_running_loop().time()):
            self._pulse.beat()
