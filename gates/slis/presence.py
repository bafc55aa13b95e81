"""Is there enough to judge by? Asked before a check may PASS, after it had its chance to FAIL."""

from __future__ import annotations

from collections.abc import Callable

from gates.slis.check import CohortView, EvidenceView
from gates.text import count
from gates.verdicts import VerdictKind
from gates.windows import CohortWindow


def presence(view: EvidenceView, sample: Callable[[CohortWindow], int]) -> tuple[VerdictKind, str] | None:
    """Why a check cannot pass for want of data, or None if there is enough; `sample` counts what it looks at."""
    if view.broken:
        return VerdictKind.ERROR, "telemetry source broken: nobody reports"
    arms = (view.candidate, view.baseline) if view.compared else (view.candidate,)
    for arm in arms:
        if arm.window.requests == 0:
            return VerdictKind.NO_DATA, f"no requests from {arm.name} in the window"
        if sample(arm.window) == 0:
            return VerdictKind.NO_DATA, f"nothing to measure in the requests from {arm.name} in the window"
    short = [arm for arm in arms if arm.eligible < view.min_requests]
    if short:
        return VerdictKind.INCONCLUSIVE, f"{_so_far(short)} of {count(view.min_requests)} requests needed"
    return None


def _so_far(arms: list[CohortView]) -> str:
    return " and ".join(f"{arm.name} has {count(arm.eligible)}" for arm in arms)
