"""Whether there is enough data: asked before a check may PASS, and after it could FAIL."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from gates.evidence_view import CohortView, EvidenceView
from gates.text import count
from gates.verdicts import VerdictKind

BROKEN = "no source reports telemetry, so nothing can be judged"


def presence(view: EvidenceView, samples: Sequence[int] = ()) -> tuple[VerdictKind, str] | None:
    """Why a check cannot pass for lack of data, None if there is enough.

    `samples` are the values measured in the windows of the candidate and, where it is compared, of the baseline; none
    are given by a check that measures every request.
    """
    if view.broken:
        return VerdictKind.ERROR, BROKEN
    cohorts = (view.candidate, view.baseline) if view.compared else (view.candidate,)
    for cohort, sample in zip_longest(cohorts, samples):
        if cohort.window.requests == 0:
            return VerdictKind.NO_DATA, f"{cohort.name} has no requests in the window"
        if sample == 0:
            return VerdictKind.NO_DATA, f"{cohort.name} has requests in the window, but none with the measured value"
    short = [cohort for cohort in cohorts if cohort.eligible < view.min_requests]
    if short:
        return VerdictKind.INCONCLUSIVE, f"{_so_far(short)}, needs {count(view.min_requests)}"
    return None


def _so_far(cohorts: Sequence[CohortView]) -> str:
    return " and ".join(f"{cohort.name} has {count(cohort.eligible)} requests" for cohort in cohorts)
