"""One demo from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from rich.console import Console

from connectors.kafka import clients
from connectors.kafka.clients import KafkaSettings
from gates.policy import Policy
from streams import journal
from streams.clock import wall_ms
from streams.demo.outcome import Outcome, outcome
from streams.demo.processes import DemoError, Processes
from streams.demo.scenario import FAST, SECOND_STAGE, Fault, FaultKind, Scenario, policy_of
from streams.demo.scene import Scene
from streams.demo.screen import LiveScreen, PlainScreen, Screen, closing_view

INTERRUPTED: Final = 130
TERMINATED: Final = 143
TICK_MS: Final = 250
SLACK_S: Final = 45.0
"""A demo may take twice its bakes and so much more; then it has failed."""

_MOMENT_S: Final = 0.3
_QUICK: Final = aiohttp.ClientTimeout(total=2.0)


def perform(scenario: Scenario, console: Console, *, fast: bool, rps: float | None, seed: int, plain: bool) -> int:
    """Run a demo and show it; returns the exit code: 0 as promised, 1 not so, 130 and 143 when told to stop.

    Raises:
        DemoError: it could not be set up, or one of its processes died; the message has the end of its log.
    """
    policy = policy_of(scenario, pace=FAST if fast else 1.0)
    scene = Scene(scenario, policy)
    screen: Screen = PlainScreen(console) if plain else LiveScreen(console)
    demo = Demo(scene, screen, pace=FAST if fast else 1.0, rps=rps or scenario.rps, seed=seed)
    stopped_by: list[int] = []
    ended = asyncio.run(_until_told(demo, stopped_by))
    if ended is None:
        console.print("stopped: every process of the demo has ended", style="dim")
        return TERMINATED if signal.SIGTERM in stopped_by else INTERRUPTED
    console.print(closing_view(scene, ended))
    return 0 if ended.kept else 1


async def _until_told(demo: Demo, stopped_by: list[int]) -> Outcome | None:
    """Run it; None where a signal ended it. While it cleans up, no signal disturbs it."""
    task = asyncio.create_task(demo.run())

    def stop(number: int) -> None:
        if not demo.cleaning_up:
            demo.cleaning_up = True
            stopped_by.append(number)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        return None


class Demo:
    """The conductor: starts everything, plays the fault when its time comes, and watches until the outcome is clear."""

    def __init__(self, scene: Scene, screen: Screen, *, pace: float, rps: float, seed: int) -> None:
        self.cleaning_up = False
        self._scene = scene
        self._screen = screen
        self._pace = pace
        self._rps = rps
        self._processes = Processes(scene.policy, rps=rps, seed=seed)

    async def run(self) -> Outcome:
        """All of it; whatever happens, no process is left. Raises DemoError."""
        try:
            self._screen.opening(self._scene, self._processes.at, self._rps)
            await self._processes.start()
            self._processes.open_the_doors()
            async with (
                aiohttp.ClientSession(timeout=_QUICK) as session,
                _following(self._processes.settings) as source,
            ):
                await start_rollout(self._processes.settings, self._scene.policy)
                return await self._watch(session, source)
        except (KafkaError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            await asyncio.sleep(_MOMENT_S)  # until whoever died is known to be dead
            self._processes.check()
            raise DemoError(f"the demo's own connections failed: {error!r}") from error
        finally:
            self.cleaning_up = True
            self._screen.close()
            await self._processes.stop()

    async def _watch(self, session: aiohttp.ClientSession, source: AIOKafkaConsumer) -> Outcome:
        clock = asyncio.get_running_loop().time
        bakes_s = sum(stage.bake_ms for stage in self._scene.policy.stages) / 1000.0
        limit_s = SLACK_S + 2.0 * bakes_s
        deadline = clock() + limit_s
        while clock() < deadline:
            self._processes.check()
            await self._listen(source)
            async with session.get(f"{self._processes.at.router}/-/state") as answer:
                self._scene.routed(await answer.json(), clock())
            await self._play(session)
            self._screen.update(self._scene)
            ended = outcome(self._scene, wall_ms())
            if ended is not None:
                return ended
        return Outcome(False, f"nothing was clear after {limit_s:.0f} s")

    async def _listen(self, source: AIOKafkaConsumer) -> None:
        """Take in what the gate said since the last time."""
        topics = self._processes.settings.topics
        for partition, records in (await source.getmany(timeout_ms=TICK_MS)).items():
            for record in records:
                document = orjson.loads(record.value)
                if partition.topic == topics.status:
                    self._scene.status = document
                elif (decision := self._scene.decided(document, record.timestamp)) is not None:
                    self._screen.decided(decision)

    async def _play(self, session: aiohttp.ClientSession) -> None:
        """Switch the scenario's fault on and off when it is time."""
        scene, fault, now = self._scene, self._scene.scenario.fault, wall_ms()
        entered = scene.entered(SECOND_STAGE)
        if fault is None or entered is None:
            return
        if scene.fault_at is None:
            if now >= entered + fault.after_s * self._pace * 1000.0:
                await self._switch(session, fault, on=True)
                scene.fault_at = now
                self._screen.note(fault.words)
        elif (
            fault.lasts_s is not None and scene.fault_over_at is None and now >= scene.fault_at + fault.lasts_s * 1000.0
        ):
            await self._switch(session, fault, on=False)
            scene.fault_over_at = wall_ms()
            self._screen.note("that is over")

    async def _switch(self, session: aiohttp.ClientSession, fault: Fault, *, on: bool) -> None:
        at = self._processes.at
        if fault.kind is FaultKind.SILENCE:
            url, body = f"{at.router}/-/telemetry", {"emit": float(not on)}
        else:
            url = f"{at.candidate}/-/fault"
            body = {"error_rate": fault.error_rate, "slowdown": fault.slowdown} if on else {}
        async with session.post(url, json=body) as answer:
            answer.raise_for_status()


async def start_rollout(settings: KafkaSettings, policy: Policy) -> None:
    """What `sluicegate rollout start` does."""
    start = journal.Start(rollout=policy.rollout, policy=policy.document(), by="demo", at=wall_ms())
    async with clients.producer(settings, linger_ms=0) as producer:
        await producer.send_and_wait(settings.topics.policies, journal.encode(start), key=policy.rollout.encode())


@contextlib.asynccontextmanager
async def _following(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of decisions and statuses."""
    async with clients.consumer(settings, settings.topics.decisions, settings.topics.status) as source:
        yield source


__all__ = ["DemoError", "perform"]
