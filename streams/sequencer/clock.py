"""The journal's clock: a progress record per second in every journal partition.

Time passes in the journal only by its records. These records make silence visible even if no worker ingests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import faust
from aiokafka.errors import KafkaError
from mode import Service

from connectors.kafka import clients
from connectors.kafka.faust_consumer import FaustProgress
from connectors.kafka.stopping import stop_client
from streams.clock import BrokerClock, WallTime
from streams.journal import NO_COUNTS, Progress, encode
from streams.runtime import metrics
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.outbox import SLOW_SECONDS
from streams.runtime.settings import Settings
from streams.sequencer.delivery import partition_name, show

CLOCK_SECONDS = 1.0


class GroupGuard(Service):
    """Ends an app that may not join its group, so that its role is seen to fail, and is started again.

    Faust does not notice it: the start of an app waits for partitions without end.
    """

    def __init__(self, app: faust.App, **options: Any) -> None:
        super().__init__(**options)
        self._faust = FaustProgress(app, LONGEST_UNANSWERED_MS)

    @Service.timer(CLOCK_SECONDS)
    async def _look(self) -> None:
        self._faust.raise_group_error()


class JournalClock(Service):
    """Writes the wall clock to every journal partition, and beats for the sequencer's health.

    Several sequencers may write at once: the fold never lets the clock go back. `waiting` has how many messages of each
    partition wait until Kafka accepts what the agents made of them. `broker_clock` is what the agents use, too.
    """

    def __init__(
        self,
        settings: Settings,
        health: Health,
        app: faust.App,
        waiting: Mapping[tuple[str, int], int],
        broker_clock: BrokerClock | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._waiting = waiting
        self._settings = settings
        self._pulse = health.pulse("sequencer")
        self._writing: dict[int, asyncio.Task[bool]] = {}
        self._unanswered: dict[int, float] = {}
        self._faust = FaustProgress(app, LONGEST_UNANSWERED_MS)
        self._broker = BrokerClock() if broker_clock is None else broker_clock

    async def on_start(self) -> None:
        """Connect."""
        self._producer = clients.producer(self._settings)
        self.async_exit_stack.push_async_callback(stop_client, self._producer)  # also if the start fails
        await self._producer.start()

    async def on_stop(self) -> None:
        """Disconnect."""
        for writing in self._writing.values():
            writing.cancel()
        await stop_client(self._producer)

    @Service.timer(CLOCK_SECONDS)
    async def _write_time(self) -> None:
        settings, topic = self._settings, self._settings.topics.journal
        try:
            partitions = set(settings.journal_partitions(await self._producer.partitions_for(topic)))
        except KafkaError as error:
            self.log.warning("the time was not written to the journal, next try in %g s: %s", CLOCK_SECONDS, error)
            return
        await self._broker.ask(partial(self._producer.send_and_wait, topic, NO_COUNTS), partitions)
        now = self._broker.now()
        self._compare(now)
        progress = Progress(
            worker=settings.worker_id,
            wall=now.wall,
            sources=[],
            partitions={},
            broker=now.broker,
            settings=settings.shared,
        )
        if not await self._write_to_each(partitions, encode(progress)):
            return
        self._pulse.stalled = self._faust.stalled
        # Agents have no loop of their own that could beat, so the headway of their consumer is checked here.
        healthy = self._faust.healthy(asyncio.get_running_loop().time(), self._waiting)
        if healthy or self._faust.partitions:
            self._pulse.join(self._faust.partitions)
        if healthy:
            self._pulse.beat()

    def _compare(self, now: WallTime) -> None:
        """Show in health and metrics whether this worker's clock is the broker's."""
        if now.broker is not None:
            metrics.CLOCK_OFFSET.set((now.wall - now.broker) / 1_000)
        if not now.trouble:
            self._pulse.recover()
            return
        if not self._pulse.trouble:
            self.log.error("%s; mend the clock (docs/reliability.md#wrong-clocks-of-workers)", now.trouble)
        self._pulse.fail(now.trouble)

    async def _write_to_each(self, partitions: set[int], record: bytes) -> bool:
        """Write to the partitions that have taken the record before; whether one of them has taken this one.

        Each is written to by a task of its own: one without a leader must not stop the time in the others.
        """
        for partition in partitions:
            if partition not in self._writing or self._writing[partition].done():
                self._writing[partition] = asyncio.create_task(self._write(partition, record))
        started = [self._writing[partition] for partition in partitions]
        done, _ = await asyncio.wait(started, timeout=CLOCK_SECONDS) if started else (set(), None)
        self._show({partition for partition in partitions if self._writing[partition] not in done})
        return any(writing.result() for writing in done)

    def _show(self, unanswered: set[int]) -> None:
        """Show by health the partitions that have taken no record for long: orders and acks wait for them too."""
        now = asyncio.get_running_loop().time()
        for partition in unanswered:
            if now - self._unanswered.setdefault(partition, now) >= SLOW_SECONDS:
                show(self._pulse, partition_name(self._settings.topics.journal, partition), "it does not answer")

    async def _write(self, partition: int, record: bytes) -> bool:
        topic = self._settings.topics.journal
        try:
            sent_at = self._broker.begin()
            self._broker.learn(await self._producer.send_and_wait(topic, record, partition=partition), sent_at)
        except KafkaError as error:
            show(self._pulse, partition_name(topic, partition), type(error).__name__)
            self.log.warning(
                "the time was not written to journal partition %d, next try in %g s: %s",
                partition,
                CLOCK_SECONDS,
                error,
            )
            return False
        self._unanswered.pop(partition, None)
        show(self._pulse, partition_name(topic, partition), "")
        return True
