"""An installation to measure: topics with the partitions and workers with the settings that one gets by default."""

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
from streams.topics.creation import ensure
from tests.pipeline.harness import SLUICEGATE, Site, Worker

ROOT = Path(__file__).parents[1]
DEFAULTS = {
    "SLUICEGATE_OUT_OF_ORDERNESS_MS": "2000",
    "SLUICEGATE_SNAPSHOT_INTERVAL_MS": "5000",
    "SLUICEGATE_SESSION_TIMEOUT_MS": "10000",
    "SLUICEGATE_LOG_LEVEL": "info",
}
"""What the tests' workers have otherwise."""


class Loading:
    """A process that makes load."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ended(self) -> Sent:
        """Wait until its time is up; what it has sent."""
        out, _ = await self._process.communicate()
        return msgspec.json.decode(out, type=Sent, strict=False)

    async def stop(self) -> Sent:
        """Let it come to its end now; what it has sent."""
        self._process.terminate()
        return await self.ended()


class Installation(Site):
    """Topics, workers, rollouts and load on a broker, under a prefix of their own."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap, f"b{uuid.uuid4().hex[:8]}.")

    async def __aenter__(self) -> Self:
        await ensure(Settings(**self.settings.model_dump()), replication=1)
        self.producer = clients.producer(self.settings, linger_ms=0)
        await self.producer.start()
        return self

    def run_worker(self, *roles: str, **variables: str) -> Worker:
        """Start a worker with the default settings; none of `roles` is all."""
        return self.worker(*roles, command=(SLUICEGATE,), **(DEFAULTS | variables))

    async def start_rollouts(self, rollouts: int) -> None:
        """Start so many rollouts and put their first weights in force; returns when the gate has heard."""
        now = wall_ms()
        topics = self.topics
        said = [orders(name, now) for name in names(rollouts)]
        await self._tell(topics.policies, [(start.rollout, encode(start)) for start, _ in said])
        started: set[str] = set()
        async with self.following(topics.decisions) as decisions:
            async for decision in decisions:
                started.add(decision["rollout"])
                if len(started) == rollouts:
                    break
        await self._tell(topics.acks, [(ack.rollout, encode(ack)) for _, ack in said])

    async def _tell(self, topic: str, words: Iterable[tuple[str, bytes]]) -> None:
        sent = [await self.producer.send(topic, value, key=rollout.encode()) for rollout, value in words]
        await asyncio.gather(*sent)

    @contextlib.asynccontextmanager
    async def loaded(self, **options: float) -> AsyncIterator[Loading]:
        """Load by these options of `benchmarks.load`, in a process of its own."""
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
        """Acknowledge each decision, as an actuator that has done it; until cancelled."""
        reader = clients.consumer(self.settings, self.topics.decisions)
        await reader.start()
        try:
            async for record in reader:
                decision: dict[str, Any] = msgspec.json.decode(record.value)
                await self.acknowledge(decision)
        finally:
            await reader.stop()
