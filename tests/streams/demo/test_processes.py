"""When the demo cannot start: one message, with the end of the log of the process that failed."""

import pytest

from streams.demo import processes
from streams.demo.processes import DemoError, Processes
from streams.demo.scenario import SCENARIOS, policy_of


async def test_a_worker_that_dies_shows_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the worker and its exit code, and carries what it wrote; the broker is gone afterwards."""
    monkeypatch.setattr(processes, "_WORKER", ("-c", "raise SystemExit('no configuration')"))
    demo_processes = Processes(policy_of(SCENARIOS["healthy"]), rps=1.0, seed=1)
    try:
        with pytest.raises(DemoError, match=r"(?s)the worker ended with exit code 1.*no configuration"):
            await demo_processes.start()
    finally:
        await demo_processes.stop()
    with pytest.raises(DemoError, match="broker died"):
        demo_processes.check()


async def test_a_worker_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that runs but serves nothing is an error after the time allowed."""
    monkeypatch.setattr(processes, "_WORKER", ("-c", "import time; print('starting', flush=True); time.sleep(60)"))
    monkeypatch.setattr(processes, "READY_TIMEOUT_S", 1.0)
    demo_processes = Processes(policy_of(SCENARIOS["healthy"]), rps=1.0, seed=1)
    try:
        with pytest.raises(DemoError, match=r"(?s)the worker was not ready after 1 s.*starting"):
            await demo_processes.start()
    finally:
        await demo_processes.stop()


async def test_stopping_what_never_started_does_nothing() -> None:
    """It may be stopped at any time."""
    await Processes(policy_of(SCENARIOS["healthy"]), rps=1.0, seed=1).stop()
