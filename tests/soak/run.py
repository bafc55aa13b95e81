"""One soak run: a trial, what is done to it by the schedule, and kills and stops in between."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiokafka.admin import NewPartitions

from tests.brokers import MavenKafka
from tests.faults.times import now_ms
from tests.faults.topics import admin
from tests.faults.trial import Trial
from tests.soak.canaries import HELD, Canaries
from tests.soak.compaction import compact
from tests.soak.keys import Keys
from tests.soak.measuring import Measuring
from tests.soak.rotation import Rotation
from tests.soak.samples import growth
from tests.soak.schedule import Kind, Step, stages

LATE = 10_000_000
"""Time goes on while the broker is away: what was sent meanwhile may come after its pane, and is counted as late."""

ENDED = {-signal.SIGKILL, 0}
"""Exit codes of workers that the run itself ends. One that ends by itself has another."""

MALFORMED = b"{"
"""Sent instead of one event in a thousand."""

SESSIONS = {"SLUICEGATE_SESSION_TIMEOUT_MS": "3000"}
"""Longer than in trials: where a busy machine suspends workers for a second, none of them would keep its partitions."""

PATIENCE_S = 180.0
"""For the same reason."""

BAKE = 0.05
"""How long each stage of a canary bakes, as a part of the time of its stage of the run."""


class Soak:
    """A run in front of a broker that moves through the `places`."""

    def __init__(self, kafka: MavenKafka, places: list[str], trial: Trial, minutes: float, folder: Path) -> None:
        self._kafka, self._places, self._trial, self._minutes = kafka, places, trial, minutes
        self._keys = Keys(folder)
        self._canaries = Canaries(trial, self._keys)
        self._beside: list[asyncio.Task[Any]] = []
        self._pair: asyncio.Task[None]

    async def begin(self) -> None:
        """Start what runs: a worker with all roles that is never killed, one that ingests, and one that judges."""
        trial = self._trial
        trial.site.settings = self._keys.operator(trial.site.settings)
        trial.carrier_variables = self._keys.variables("actuator")
        trial.malformed = {MALFORMED: "bad_json"}
        trial.mangle = lambda event: MALFORMED if trial.rng.random() < 0.001 else self._canaries.spoil(event)
        crew: tuple[tuple[str, ...], ...] = ((), ("ingest",), ("judge", "sequencer"))
        self._steady, *self._others = self._posts = await trial.begin(*crew, **SESSIONS, **self._keys.variables("gate"))
        self._rotation = Rotation(trial, self._posts, self._keys, self._canaries)
        self._measuring = Measuring(trial, self._steady, self._others, self._minutes)
        self._beside = [asyncio.create_task(each) for each in (self._canaries.follow(), self._measuring.keep())]

    async def follow(self, steps: list[Step]) -> None:
        """Do each step at its time, kill and suspend workers in between, and compare memory and handles at the end."""
        for step in steps:
            while (left := step.at - self._measuring.elapsed) > 0:
                await asyncio.sleep(min(left, self._trial.rng.uniform(0.5, 1.5) * min(20.0, 2 * self._minutes)))
                self._alive()
                if self._measuring.elapsed < step.at:
                    await self._kill_or_suspend()
            since = now_ms()
            await self._steps[step.kind](step)
            self._report(f"{step.kind.replace('_', ' ')} {step.number}: {(now_ms() - since) / 1000:.1f} s")
        grown = growth(self._measuring.samples, self._minutes)
        assert not grown, grown

    async def end(self) -> None:
        """End what runs beside the steps."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    @property
    def _steps(self) -> dict[Kind, Callable[[Step], Awaitable[None]]]:
        return {
            Kind.KEYS_TRUSTED: self._rotate,
            Kind.KEYS_USED: self._rotate,
            Kind.KEYS_REMOVED: self._rotate,
            Kind.PARTITIONS: self._add_partition,
            Kind.COMPACTION: self._compact,
            Kind.MOVE: self._move,
            Kind.CANARIES: self._release,
            Kind.CHECK: self._check,
        }

    def _report(self, text: str) -> None:
        print(f"{self._measuring.elapsed / 60:16.1f}  {text}", flush=True)  # noqa: T201

    def _alive(self) -> None:
        """Nothing has ended by itself: no worker, no actuator, and nothing that runs beside the steps."""
        for task in (*self._beside, *self._trial.tasks):
            if task.done():
                task.result()
        assert set(self._trial.exits) <= ENDED, self._trial.exits
        assert self._trial.carrier is not None
        assert self._trial.carrier.deaths == self._rotation.restarts, self._trial.carrier.log()[-4000:]

    async def _judged(self, since: int) -> None:
        self._measuring.judged_after = await self._trial.judged_past(since, PATIENCE_S)

    async def _kill_or_suspend(self) -> None:
        rng, since = self._trial.rng, now_ms()
        if rng.random() < 0.5:
            rng.choice(self._others).signal(signal.SIGKILL)
        else:
            post = rng.choice(self._posts)
            post.signal(signal.SIGSTOP)
            await asyncio.sleep(rng.uniform(0.5, 5))
            post.signal(signal.SIGCONT)
        await self._judged(since)

    async def _rotate(self, step: Step) -> None:
        match step.kind:
            case Kind.KEYS_TRUSTED:
                await self._rotation.trust_new()
            case Kind.KEYS_USED:
                await self._rotation.use_new()
            case _:
                await self._pair  # an actuator that starts refuses decisions of the old key
                await self._rotation.remove_old()
        await self._judged(now_ms())

    async def _add_partition(self, _: Step) -> None:
        topic, total = self._trial.site.topics.events, self._trial.partitions + 1
        added, since = {topic: NewPartitions(total_count=total)}, now_ms()
        await admin(self._trial.site, lambda client: client.create_partitions(added))
        producer = self._trial.site.producer
        while len(await producer.partitions_for(topic)) < total:
            await producer.client.force_metadata_update()  # by itself it would look again after five minutes
        self._trial.partitions = total
        await self._judged(since)

    async def _compact(self, _: Step) -> None:
        for topic, (before, after) in (await compact(self._trial, self._kafka)).items():
            self._report(f"{topic} compacted from {before / 1024:.0f} to {after / 1024:.0f} KiB")
        since = now_ms()
        self._others[-1].signal(signal.SIGKILL)  # the next judge recovers from what is left
        await self._judged(since)

    async def _move(self, step: Step) -> None:
        since = now_ms()
        await asyncio.to_thread(self._kafka.kill)
        self._kafka.move(self._kafka.bootstrap, self._places[step.number])
        await asyncio.to_thread(self._kafka.start)
        await self._judged(since)

    async def _release(self, step: Step) -> None:
        bake = max(6, round(self._minutes * 60 / stages(self._minutes) * BAKE))

        async def release() -> None:
            bad, good = await self._canaries.release(step.number, f"{bake}s")
            self._report(f"bad canary stopped after {bad:.1f} s, the healthy one promoted after {good:.1f} s")

        self._pair = asyncio.create_task(release())
        self._beside.append(self._pair)

    async def _check(self, step: Step) -> None:
        """What must hold after one fault must hold after all so far. Nothing is sent, and no worker runs meanwhile."""
        await self._pair
        async with self._trial.sending:
            true = await self._trial.counted_all()
            for post in self._posts:
                post.signal(signal.SIGSTOP)
            try:
                await self._trial.promised(true, HELD, LATE)
            finally:
                for post in self._posts:
                    post.signal(signal.SIGCONT)
        self._alive()
        self._report(f"{true.requests.total()} requests: nothing lost, nothing counted twice")
        await self._judged(now_ms())
