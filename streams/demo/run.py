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
from connectors.kafka.record_times import record_time
from gates.policy import Policy
from streams import journal
from streams.clock import wall_ms
from streams.demo.panels import closing_view
from streams.demo.processes import DemoError, Processes
from streams.demo.result import DemoResult, demo_result
from streams.demo.scenario import FAST, SECOND_STAGE, DemoScenario, FaultKind, InjectedFault, policy_of
from streams.demo.screen import LiveScreen, PlainScreen, Screen
from streams.demo.state import DemoState, Note

INTERRUPTED: Final = 130
TERMINATED: Final = 143
TICK_MS: Final = 250
SLACK_S: Final = 45.0
"""A demo that takes longer than twice its bakes plus this has failed."""

_MOMENT_S: Final = 0.3
_QUICK: Final = aiohttp.ClientTimeout(total=2.0)


def run_demo(scenario: DemoScenario, console: Console, *, fast: bool, rps: float | None, seed: int, plain: bool) -> int:
    """Run a demo and show it; returns the exit code: 0 as expected, 1 not as expected, 130 or 143 when stopped.

    Raises:
        DemoError: it could not start, or a process died; the message has the end of that process's log.
    """
    policy = policy_of(scenario, pace=FAST if fast else 1.0)
    state = DemoState(scenario, policy)
    screen: Screen = PlainScreen(console) if plain else LiveScreen(console)
    demo = Demo(state, screen, pace=FAST if fast else 1.0, rps=rps or scenario.rps, seed=seed)
    stopped_by: list[int] = []
    ended = asyncio.run(_until_stopped(demo, stopped_by))
    if ended is None:
        console.print("stopped; every process of the demo has ended", style="dim")
        return TERMINATED if signal.SIGTERM in stopped_by else INTERRUPTED
    console.print(closing_view(state, ended))
    return 0 if ended.as_expected else 1


async def _until_stopped(demo: Demo, stopped_by: list[int]) -> DemoResult | None:
    """Run the demo; None if a signal ended it. Signals are ignored during the clean-up, so that no process is left."""
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
    """Starts everything, injects the fault at its time, and watches until the result is clear."""

    def __init__(self, state: DemoState, screen: Screen, *, pace: float, rps: float, seed: int) -> None:
        self.cleaning_up = False
        self._state = state
        self._screen = screen
        self._pace = pace
        self._rps = rps
        self._processes = Processes(state.policy, rps=rps, seed=seed)

    async def run(self) -> DemoResult:
        """The whole demo; no process is left, whatever happens. Raises DemoError."""
        try:
            self._screen.open(self._state, self._processes.at, self._rps)
            await self._processes.start()
            self._processes.start_load()
            async with (
                aiohttp.ClientSession(timeout=_QUICK) as session,
                _following(self._processes.settings) as source,
            ):
                await start_rollout(self._processes.settings, self._state.policy)
                return await self._watch(session, source)
        except (KafkaError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            await asyncio.sleep(_MOMENT_S)  # a process that just died has no exit code yet
            self._processes.check()
            raise DemoError(f"a connection of the demo failed: {error!r}") from error
        finally:
            self.cleaning_up = True
            self._screen.close()
            await self._processes.stop()

    async def _watch(self, session: aiohttp.ClientSession, source: AIOKafkaConsumer) -> DemoResult:
        clock = asyncio.get_running_loop().time
        bakes_s = sum(stage.bake_ms for stage in self._state.policy.stages) / 1000.0
        limit_s = SLACK_S + 2.0 * bakes_s
        deadline = clock() + limit_s
        while clock() < deadline:
            self._processes.check()
            await self._read_topics(source)
            async with session.get(f"{self._processes.at.router}/-/state") as answer:
                self._state.add_router_report(await answer.json(), clock())
            await self._inject_fault(session)
            self._screen.update(self._state)
            ended = demo_result(self._state, wall_ms())
            if ended is not None:
                return ended
        return DemoResult(False, f"no result after {limit_s:.0f} s")

    async def _read_topics(self, source: AIOKafkaConsumer) -> None:
        """Read the decisions and statuses that are new."""
        topics = self._processes.settings.topics
        for partition, records in (await source.getmany(timeout_ms=TICK_MS)).items():
            for record in records:
                document = orjson.loads(record.value)
                if partition.topic == topics.status:
                    self._state.status = document
                else:
                    self._state.add_decision(document, record_time(record))

    async def _inject_fault(self, session: aiohttp.ClientSession) -> None:
        """Switch the scenario's fault on and off at its times."""
        state, fault, now = self._state, self._state.scenario.fault, wall_ms()
        entered = state.entered(SECOND_STAGE)
        if fault is None or entered is None:
            return
        if state.fault_at is None:
            if now >= entered + fault.after_s * self._pace * 1000.0:
                await self._switch(session, fault, on=True)
                state.fault_at = now
                state.notes.append(Note(now, fault.text))
        elif (
            fault.lasts_s is not None and state.fault_over_at is None and now >= state.fault_at + fault.lasts_s * 1000.0
        ):
            await self._switch(session, fault, on=False)
            state.fault_over_at = wall_ms()
            state.notes.append(Note(state.fault_over_at, "the fault is over"))

    async def _switch(self, session: aiohttp.ClientSession, fault: InjectedFault, *, on: bool) -> None:
        at = self._processes.at
        if fault.kind is FaultKind.SILENCE:
            url, body = f"{at.router}/-/telemetry", {"emit": float(not on)}
        else:
            url = f"{at.candidate}/-/fault"
            body = {"error_rate": fault.error_rate, "slowdown": fault.slowdown} if on else {}
        async with session.post(url, json=body) as answer:
            answer.raise_for_status()


async def start_rollout(settings: KafkaSettings, policy: Policy) -> None:
    """Start the rollout as `sluicegate rollout start` does."""
    start = journal.Start(rollout=policy.rollout, policy=policy.document(), by="demo", at=wall_ms())
    async with clients.producer(settings, linger_ms=0) as producer:
        await producer.send_and_wait(settings.topics.policies, journal.encode(start), key=policy.rollout.encode())


@contextlib.asynccontextmanager
async def _following(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of decisions and statuses."""
    async with clients.consumer(settings, settings.topics.decisions, settings.topics.status) as source:
        yield source
