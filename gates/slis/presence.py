"""Whether there is enough data: asked before a check may PASS, and after it could FAIL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gates.evidence_view import CohortView, EvidenceView
from gates.text import count
from gates.verdicts import VerdictKind
from gates.windows import CohortWindow

BROKEN = "no source reports telemetry, so nothing can be judged"


def presence(
    view: EvidenceView, sample: Callable[[CohortWindow], int], required: str = ""
) -> tuple[VerdictKind, str] | None:
    """Why a check cannot pass for lack of data, None if there is enough; `sample` counts the measured values.

    `required` names values that each request should have, such as latencies, of which `min_requests` are needed.
    """
    if view.broken:
        return VerdictKind.ERROR, BROKEN
    arms = (view.candidate, view.baseline) if view.compared else (view.candidate,)
    for arm in arms:
        if arm.window.requests == 0:
            return VerdictKind.NO_DATA, f"{arm.name} has no requests in the window"
        if sample(arm.window) == 0:
            return VerdictKind.NO_DATA, f"{arm.name} has requests in the window, but none with the measured value"
    short = [arm for arm in arms if arm.eligible < view.min_requests]
    if short:
        return VerdictKind.INCONCLUSIVE, f"{_so_far(short)}, needs {count(view.min_requests)}"
    for arm in arms:
        found, requests = sample(arm.window), arm.window.requests
        # Only where values are missing: a short window of sparse traffic has few requests, and the stage has enough.
        if required and found < min(requests, view.min_requests):
            lacking = f"{count(requests - found)} of its {count(requests)} requests in the window have none"
            needs = f"needs {count(view.min_requests)}"
            return VerdictKind.INCONCLUSIVE, f"{arm.name} has {count(found)} {required}, {needs}; {lacking}"
    return None


def _so_far(arms: Sequence[CohortView]) -> str:
    return " and ".join(f"{arm.name} has {count(arm.eligible)} requests" for arm in arms)
