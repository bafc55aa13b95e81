"""An installation to measure: topics and workers with their default partitions and settings."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Self

import msgspec

from benchmarks.fleet import names, orders
from benchmarks.load import Sent
from connectors.kafka import clients
from streams.clock import wall_ms
from streams.journal import encode
from streams.runtime.settings import Settings
from streams.topics import ensure
from tests.pipeline.harness import SLUICEGATE, Site, Worker

ROOT = Path(__file__).parents[1]
DEFAULTS = {
    "SLUICEGATE_OUT_OF_ORDERNESS_MS": "2000",
    "SLUICEGATE_SNAPSHOT_INTERVAL_MS": "5000",
    "SLUICEGATE_SESSION_TIMEOUT_MS": "10000",
    "SLUICEGATE_LOG_LEVEL": "info",
}
"""The settings that the tests' workers change, at their defaults."""


class Loading:
    """A process that produces load."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ended(self) -> Sent:
        """Wait until it ends; returns what it sent."""
        out, _ = await self._process.communicate()
        return msgspec.json.decode(out, type=Sent, strict=False)

    async def stop(self) -> Sent:
        """End it now; returns what it sent."""
        self._process.terminate()
        return await self.ended()


class Installation(Site):
    """Topics, workers, rollouts and load on a broker, under their own topic prefix."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap, f"b{uuid.uuid4().hex[:8]}.")

    async def __aenter__(self) -> Self:
        await ensure(Settings(**self.settings.model_dump()), replication=1)
        self.producer = clients.producer(self.settings, linger_ms=0)
        await self.producer.start()
        return self

    def run_worker(self, *roles: str, **variables: str) -> Worker:
        """Start a worker with the default settings; without `roles` it has all of them."""
        return self.worker_of((SLUICEGATE,), roles, DEFAULTS | variables)

    async def start_rollouts(self, rollouts: int) -> None:
        """Start this many rollouts and confirm their first weights; returns when the gate has started all of them."""
        now = wall_ms()
        topics = self.topics
        opening = [orders(name, now) for name in names(rollouts)]
        await self._send(topics.policies, [(start.rollout, encode(start)) for start, _ in opening])
        started: set[str] = set()
        async with self.following(topics.decisions) as decisions:
            async for decision in decisions:
                started.add(decision["rollout"])
                if len(started) == rollouts:
                    break
        await self._send(topics.acks, [(ack.rollout, encode(ack)) for _, ack in opening])

    async def _send(self, topic: str, records: Iterable[tuple[str, bytes]]) -> None:
        sent = [await self.producer.send(topic, value, key=rollout.encode()) for rollout, value in records]
        await asyncio.gather(*sent)

    @contextlib.asynccontextmanager
    async def loaded(self, **options: float) -> AsyncIterator[Loading]:
        """Run `benchmarks.load` with these options in another process."""
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = ["-m", "benchmarks.load", self.settings.bootstrap, self.topics.events, *words]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        try:
            yield Loading(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def obey(self) -> None:
        """Acknowledge each decision as an actuator that carried it out; runs until cancelled."""
        reader = clients.consumer(self.settings, self.topics.decisions)
        await reader.start()
        try:
            async for record in reader:
                decision: dict[str, Any] = msgspec.json.decode(record.value)
                await self.acknowledge(decision)
        finally:
            await reader.stop()
