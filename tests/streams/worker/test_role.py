"""A role that fails is started again, and neither it nor its stop ends the worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError
from mode import Service

from streams.runtime import metrics
from streams.runtime.health import Health
from streams.worker import role
from streams.worker.role import Role


class Scripted(Service):
    """A service whose starts and runs fail as the list has it: "start", "run", or "" for neither."""

    def __init__(self, plan: list[str], log: list[str], error: Exception) -> None:
        super().__init__()
        self._now = plan.pop(0) if plan else ""
        self._log = log
        self._error = error

    async def on_start(self) -> None:
        """Fail, if it is to."""
        self._log.append("start")
        self.async_exit_stack.callback(self._log.append, "closed")
        if self._now == "start":
            raise self._error
        if self._now == "part":
            self.add_future(self._fail())
            await asyncio.sleep(60)

    async def on_stop(self) -> None:
        """Also called after a start that failed."""
        if self._now == "stuck":
            raise AttributeError("no clients")
        if self._now == "stray":
            raise asyncio.CancelledError  # of a client's task

    async def _fail(self) -> None:
        raise self._error

    @Service.task
    async def _run(self) -> None:
        if self._now in ("run", "stuck", "stray"):
            raise self._error


DENIED = GroupAuthorizationFailedError("sluicegate-judge")


class Worker:
    """A frame with one role that follows a plan, and another role that only has to stay."""

    def __init__(self, plan: list[str], error: Exception) -> None:
        self.health, self.log = Health(), list[str]()
        self.role = Role("judge", lambda: Scripted(plan, self.log, error), self.health)
        self.other = Role("ingest", lambda: Scripted([], [], error), self.health)
        self.frame = Service()
        for each in (self.role, self.other):
            self.frame.add_dependency(each)

    @property
    def failures(self) -> float:
        """How often the role has failed, of all workers here."""
        return float(metrics.ROLE_FAILURES.labels("judge")._value.get())

    async def until(self, started: int) -> None:
        """Wait for that many starts."""
        async with asyncio.timeout(10):
            while self.log.count("start") < started or self.role._running is None:
                await asyncio.sleep(0.01)


@pytest.fixture
async def begun(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A function that starts a worker with a plan; each is stopped at the end."""
    monkeypatch.setattr(role, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(role, "POLL_S", 0.01)
    workers: list[Worker] = []

    async def begin(*plan: str, error: Exception = DENIED) -> Worker:
        workers.append(worker := Worker(list(plan), error))
        await worker.role.start()
        await worker.other.start()
        return worker

    yield begin
    for worker in workers:
        await worker.role.stop()
        await worker.other.stop()
        assert not worker.frame.crashed


@pytest.mark.parametrize("failure", ["start", "run", "stuck", "stray"])
async def test_it_is_started_again(begun: Any, failure: str) -> None:
    """With all that it had opened closed first; the worker and the other role go on."""
    worker = await begun(failure, failure)
    before = worker.failures
    await worker.until(3)
    assert worker.log == ["start", "closed", "start", "closed", "start"]
    assert worker.failures - before <= 2
    assert (worker.role.crashed, worker.other.crashed, worker.frame.crashed) == (False, False, False)
    assert worker.health.alive() == (True, {"judge": "ok", "ingest": "ok"})


async def test_health_shows_that_it_does_not_run(begun: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is not ready, also if it had been."""
    monkeypatch.setattr(role, "FIRST_WAIT_S", 60.0)
    worker = await begun("start")
    for pulse in worker.health.pulses:
        pulse.ready = True
    async with asyncio.timeout(10):
        while worker.health.alive()[0]:
            await asyncio.sleep(0.01)
    why = "starts again after GroupAuthorizationFailedError"
    assert worker.health.alive() == (False, {"judge": why, "ingest": "ok"})
    assert worker.health.ready() == (False, {"judge": why, "ingest": "ok"})


@pytest.mark.parametrize(("error", "beats"), [(DENIED, True), (KafkaConnectionError(), False), (TimeoutError(), False)])
async def test_waiting_is_headway_only_if_a_broker_answers(begun: Any, error: Exception, beats: bool) -> None:
    """Without an answer the watchdog ends the process in the end, as it does for a role that runs."""
    worker = await begun()
    worker.role._pulse.last = 0.0
    await worker.role._pause(0.0, error)
    assert (worker.role._pulse.last > 0.0) == beats


async def test_a_stop_while_it_starts(begun: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start is given up, and what it had opened is closed."""
    opened: list[str] = []

    class Hanging(Service):
        async def on_start(self) -> None:
            self.async_exit_stack.callback(opened.append, "closed")
            await asyncio.sleep(60)

    hanging = Role("judge", Hanging, Health())
    await hanging.start()
    await asyncio.sleep(0.05)
    await hanging.stop()
    assert opened == ["closed"]


async def test_a_start_that_hangs_while_a_part_of_it_fails(begun: Any) -> None:
    """As Faust's does, which waits for partitions that its group never gets."""
    worker = await begun("part")
    await worker.until(2)
    assert worker.log == ["start", "closed", "start"]
