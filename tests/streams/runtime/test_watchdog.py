"""The watchdog: when a worker ends itself; and failpoints, which are off by default."""

import queue
import subprocess
import sys
import threading

import pytest

from streams.runtime import failpoints, watchdog
from streams.runtime.health import Health
from streams.runtime.watchdog import EXIT_STUCK, SilenceCounter, end_within, start_watchdog


def test_a_loop_without_headway_is_unhealthy() -> None:
    """Silent for longer than the longest pause; and in trouble however lively."""
    health = Health(longest_pause=60.0)
    ingest, judge = health.pulse("ingest"), health.pulse("judge")
    assert health.alive() == (True, {"ingest": "ok", "judge": "ok"})
    ingest.last -= 61
    judge.trouble = "the journal was truncated"
    assert health.alive() == (False, {"ingest": "no progress for 61s", "judge": "the journal was truncated"})


def test_silence_is_counted_in_calls_and_not_seconds() -> None:
    """A process that was suspended for an hour has not hung: only calls without a beat between them count."""
    health = Health()
    ingest, judge = health.pulse("ingest"), health.pulse("judge")
    silence = SilenceCounter(health)
    ingest.last -= 3_600
    assert silence.count() == (1, "judge")
    judge.beat()
    assert silence.count() == (2, "ingest")
    ingest.beat()
    assert silence.count() == (1, "judge")


def test_a_process_without_headway_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a thread, so that it works while the event loop hangs; not once the process stops in good order."""
    monkeypatch.setattr(watchdog, "TICK_SECONDS", 0.01)
    monkeypatch.setattr("logging.shutdown", lambda: None)
    health = Health()
    health.pulse("actuator")
    ended: queue.Queue[int] = queue.Queue()
    start_watchdog(health, 3_600, ended.put).set()
    start_watchdog(health, 0.05, ended.put)
    assert ended.get(timeout=10) == EXIT_STUCK
    assert ended.empty()


def test_without_loops_nothing_is_silent() -> None:
    """A worker without roles is never silent."""
    assert SilenceCounter(Health()).count() == (0, "")


def test_what_does_not_stop_is_ended() -> None:
    """After its time, with a code of its own, in a thread that nothing waits for."""
    ended: queue.Queue[int] = queue.Queue()
    end_within(0.01, ended.put)
    assert ended.get(timeout=10) == EXIT_STUCK
    end_within(3_600, ended.put)
    assert all(thread.daemon for thread in threading.enumerate() if isinstance(thread, threading.Timer))


def test_faults_are_off() -> None:
    """Without the variable a step does nothing at all."""
    assert failpoints.reached is failpoints._nothing


@pytest.mark.parametrize("wanted", ["ingest: committed", "ingest: nowhere:1", "ingest: committed:x", ":1"])
def test_a_fault_that_is_misspelt_is_refused(wanted: str) -> None:
    """So that a test cannot pass for want of its fault."""
    with pytest.raises(ValueError, match=r"no step|invalid literal"):
        failpoints.failpoint(wanted)


def test_a_failpoint_acts_in_the_process_that_has_the_setting() -> None:
    """By the variable, as the module is imported."""
    step = "f.reached('judge: committed'); "
    code = f"from streams.runtime import failpoints as f; {step}{step}print(1)"
    env = {failpoints.VARIABLE: "judge: committed:2"}
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, cwd=".")
    assert (ended.returncode, ended.stdout) == (-9, b"")
