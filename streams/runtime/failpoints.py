"""Faults on purpose, for tests/faults: a worker that kills or stops itself at a named step.

Services call `faults.reached("step")` where it matters. In production that is a function that does nothing: only where
SLUICEGATE_FAULT is set when this is imported does it do harm. It is `STEP:N`, to be killed (SIGKILL) as the step is
reached for the Nth time, or `STEP:N:stop`, to be stopped (SIGSTOP) until someone sends SIGCONT.
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
SEQUENCER_STEPS = ("sequencer: heard", "sequencer: journaled")
STEPS = (*INGEST_STEPS, *JUDGE_STEPS, *SEQUENCER_STEPS)


def _nothing(step: str) -> None:
    """No fault is wanted."""


def fault(wanted: str, strike: Callable[[int, int], None] = os.kill) -> Callable[[str], None]:
    """The function that strikes at the step that `wanted` spells.

    >>> struck = []
    >>> reached = fault("ingest: committed:2", lambda pid, number: struck.append(number == signal.SIGKILL))
    >>> for step in ("ingest: committed", "judge: committed", "ingest: committed", "ingest: committed"):
    ...     reached(step)
    >>> struck
    [True]

    Raises:
        ValueError: there is no such step, or `wanted` is misspelt.
    """
    number = signal.SIGSTOP if wanted.endswith(":stop") else signal.SIGKILL
    step, _, times = wanted.removesuffix(":stop").rpartition(":")
    if step not in STEPS:
        raise ValueError(f"{VARIABLE}: no step {step!r}; there are: {'; '.join(STEPS)}")
    left = int(times)

    def reached(at: str) -> None:
        nonlocal left
        if at == step:
            left -= 1
            if left == 0:
                strike(os.getpid(), number)

    return reached


_wanted = os.environ.get(VARIABLE)
reached: Callable[[str], None] = fault(_wanted) if _wanted else _nothing
