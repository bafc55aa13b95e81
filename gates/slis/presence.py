"""Whether there is enough data: asked before a check may PASS, and after it could FAIL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gates.evidence_view import CohortView, EvidenceView
from gates.text import count
from gates.verdicts import VerdictKind
from gates.windows import CohortWindow

BROKEN = "no source reports telemetry, so nothing can be judged"


def presence(
    view: EvidenceView, sample: Callable[[CohortWindow], int], *, comparing: bool
) -> tuple[VerdictKind, str] | None:
    """Why a check cannot pass for lack of data, None if there is enough; `sample` counts the measured values.

    Only a check that is `comparing` needs data of the baseline: what only the new version does can still have a limit.
    """
    if view.broken:
        return VerdictKind.ERROR, BROKEN
    both = view.compared and (comparing or not view.rules.limit_asks_candidate_only)
    arms = (view.candidate, view.baseline) if both else (view.candidate,)
    for arm in arms:
        if arm.window.requests == 0:
            return VerdictKind.NO_DATA, f"{arm.name} has no requests in the window"
        if sample(arm.window) == 0:
            return VerdictKind.NO_DATA, f"{arm.name} has requests in the window, but none with the measured value"
    short = [arm for arm in arms if arm.eligible < view.min_requests]
    if short:
        return VerdictKind.INCONCLUSIVE, f"{_so_far(short)}, needs {count(view.min_requests)}"
    return None


def _so_far(arms: Sequence[CohortView]) -> str:
    return " and ".join(f"{arm.name} has {count(arm.eligible)} requests" for arm in arms)
