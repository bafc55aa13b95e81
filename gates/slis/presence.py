"""Whether there is enough data: asked before a check may PASS, and after it could FAIL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gates.evidence_view import Arm, View
from gates.text import count
from gates.verdicts import Outcome
from gates.windows import CohortWindow

BROKEN = "no source reports telemetry, so nothing can be judged"


def presence(view: View, sample: Callable[[CohortWindow], int]) -> tuple[Outcome, str] | None:
    """Why a check cannot pass for lack of data, None if there is enough; `sample` counts the measured values."""
    if view.broken:
        return Outcome.ERROR, BROKEN
    arms = (view.candidate, view.baseline) if view.compared else (view.candidate,)
    for arm in arms:
        if arm.window.requests == 0:
            return Outcome.NO_DATA, f"{arm.name} has no requests in the window"
        if sample(arm.window) == 0:
            return Outcome.NO_DATA, f"{arm.name} has requests in the window, but none with the measured value"
    short = [arm for arm in arms if arm.eligible < view.min_requests]
    if short:
        return Outcome.INCONCLUSIVE, f"{_so_far(short)}, needs {count(view.min_requests)}"
    return None


def _so_far(arms: Sequence[Arm]) -> str:
    return " and ".join(f"{arm.name} has {count(arm.eligible)} requests" for arm in arms)
