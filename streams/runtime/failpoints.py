"""Failpoints, for tests/faults: a worker that kills or stops itself at a named step.

Services call `failpoints.reached("step")`. In production that function does nothing. It acts only if SLUICEGATE_FAULT
is set when this is imported: `STEP:N` kills the process (SIGKILL) when it reaches the step for the Nth time, and
`STEP:N:stop` stops it (SIGSTOP) until it gets SIGCONT.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

VARIABLE = "SLUICEGATE_FAULT"

INGEST_STEPS = (
    "ingest: partials due",
    "ingest: partials sent",
    "ingest: partials acknowledged",
    "ingest: progress acknowledged",
    "ingest: before commit",
    "ingest: committed",
)
JUDGE_STEPS = (
    "judge: recovered",
    "judge: decision folded",
    "judge: decision published",
    "judge: snapshot due",
    "judge: snapshot sent",
    "judge: snapshot acknowledged",
    "judge: committed",
)
SEQUENCER_STEPS = ("sequencer: verified", "sequencer: journaled")
STEPS = (*INGEST_STEPS, *JUDGE_STEPS, *SEQUENCER_STEPS)


def _nothing(step: str) -> None:
    """Without a failpoint: an empty function, as this is on the path of every record."""


def failpoint(setting: str, send_signal: Callable[[int, int], None] = os.kill) -> Callable[[str], None]:
    """The function that sends the signal at the step that `setting` names.

    >>> sent = []
    >>> reached = failpoint("ingest: committed:2", lambda pid, number: sent.append(number == signal.SIGKILL))
    >>> for step in ("ingest: committed", "judge: committed", "ingest: committed", "ingest: committed"):
    ...     reached(step)
    >>> sent
    [True]

    Raises:
        ValueError: there is no such step, or the setting has another form.
    """
    number = signal.SIGSTOP if setting.endswith(":stop") else signal.SIGKILL
    step, _, times = setting.removesuffix(":stop").rpartition(":")
    if step not in STEPS:
        raise ValueError(f"{VARIABLE}: no step {step!r}; steps are: {'; '.join(STEPS)}")
    left = int(times)

    def reached(at: str) -> None:
        nonlocal left
        if at == step:
            left -= 1
            if left == 0:
                send_signal(os.getpid(), number)

    return reached


_setting = os.environ.get(VARIABLE)
reached: Callable[[str], None] = failpoint(_setting) if _setting else _nothing
