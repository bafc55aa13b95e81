"""Failpoints: one signal, at the given step, the given number of times later."""

import os
import signal
import subprocess
import sys

import pytest

from streams.runtime import failpoints
from streams.runtime.failpoints import STEPS, VARIABLE, failpoint


@pytest.mark.parametrize(("suffix", "number"), [("", signal.SIGKILL), (":stop", signal.SIGSTOP)])
def test_the_signal_is_sent_once_at_its_step(suffix: str, number: int) -> None:
    """When it is reached for the third time, to this process."""
    sent: list[tuple[int, int]] = []
    reached = failpoint(f"judge: committed:3{suffix}", lambda pid, signal: sent.append((pid, signal)))
    after_each = []
    for _ in range(5):
        for step in STEPS:
            reached(step)
        after_each.append(len(sent))
    assert after_each == [0, 0, 1, 1, 1]
    assert sent == [(os.getpid(), number)]


@pytest.mark.parametrize("setting", ["judge: forgotten:1", "judge: committed", "judge: committed:x", ""])
def test_a_wrong_setting_is_an_error(setting: str) -> None:
    """A test that names no step must not pass because nothing happened."""
    with pytest.raises(ValueError):  # noqa: PT011 - either message
        failpoint(setting)


def test_without_the_variable_nothing_happens() -> None:
    """The function is empty."""
    for step in STEPS:
        failpoints.reached(step)


def test_a_process_kills_itself() -> None:
    """As the suites of faults use it."""
    code = "from streams.runtime import failpoints; failpoints.reached('judge: recovered'); print('alive')"
    variables = os.environ | {VARIABLE: "judge: recovered:1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=variables)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
