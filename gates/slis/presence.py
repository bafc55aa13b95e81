"""Whether there is enough data: asked before a check may PASS, and after it could FAIL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gates.evidence_view import CohortView, EvidenceView
from gates.text import count
from gates.verdicts import VerdictKind
from gates.windows import CohortWindow

BROKEN = "no source reports telemetry, so nothing can be judged"


def presence(view: EvidenceView, sample: Callable[[CohortWindow], int]) -> tuple[VerdictKind, str] | None:
    """Why a check cannot pass for lack of data, None if there is enough; `sample` counts the measured values."""
    if view.broken:
        return VerdictKind.ERROR, BROKEN
    cohorts = (view.candidate, view.baseline) if view.compared else (view.candidate,)
    for cohort in cohorts:
        if cohort.window.requests == 0:
            return VerdictKind.NO_DATA, f"{cohort.name} has no requests in the window"
        if sample(cohort.window) == 0:
            return VerdictKind.NO_DATA, f"{cohort.name} has requests in the window, but none with the measured value"
    short = [cohort for cohort in cohorts if cohort.eligible < view.min_requests]
    if short:
        return VerdictKind.INCONCLUSIVE, f"{_so_far(short)}, needs {count(view.min_requests)}"
    return None


def _so_far(cohorts: Sequence[CohortView]) -> str:
    return " and ".join(f"{cohort.name} has {count(cohort.eligible)} requests" for cohort in cohorts)
