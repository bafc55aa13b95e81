"""What the demo says when it cannot be set up: one message, with the end of the log of whom it failed for."""

import importlib.util

import pytest
from click.testing import CliRunner

from streams.cli.demo import demo
from streams.demo import processes
from streams.demo.processes import DemoError, Processes
from streams.demo.scenario import SCENARIOS, policy_of


async def test_a_worker_that_dies_shows_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the worker and its exit code, and carries what it wrote; the broker is gone afterwards."""
    monkeypatch.setattr(processes, "_WORKER", "raise SystemExit('out of luck')")
    cast = Processes(policy_of(SCENARIOS["healthy"]), rps=1.0, seed=1)
    try:
        with pytest.raises(DemoError, match=r"(?s)the worker ended with exit code 1.*out of luck"):
            await cast.start()
    finally:
        await cast.stop()
    with pytest.raises(DemoError, match="broker died"):
        cast.check()


async def test_a_worker_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that runs but serves nothing is an error after the time allowed."""
    monkeypatch.setattr(processes, "_WORKER", "import time; print('still thinking', flush=True); time.sleep(60)")
    monkeypatch.setattr(processes, "READY_TIMEOUT_S", 1.0)
    cast = Processes(policy_of(SCENARIOS["healthy"]), rps=1.0, seed=1)
    try:
        with pytest.raises(DemoError, match=r"(?s)the worker is not ready after 1 s.*still thinking"):
            await cast.start()
    finally:
        await cast.stop()


async def test_stopping_what_never_started_does_nothing() -> None:
    """It may be told to stop at any moment."""
    await Processes(policy_of(SCENARIOS["healthy"]), rps=1.0, seed=1).stop()


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started; the one line has the command that adds it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    ended = CliRunner().invoke(demo)
    assert ended.exit_code == 1
    assert "pip install 'sluicegate[demo]'" in ended.output
