"""Whether there is enough data: asked before a check may PASS, and after it could FAIL."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from gates.evidence_view import CohortView, EvidenceView
from gates.text import count
from gates.verdicts import VerdictKind

BROKEN = "no source reports telemetry, so nothing can be judged"


def presence(
    view: EvidenceView, samples: Sequence[int] = (), required: str = "", *, comparing: bool
) -> tuple[VerdictKind, str] | None:
    """Why a check cannot pass for lack of data, None if there is enough.

    `samples` are the values measured in the windows of the candidate and, where it is compared, of the baseline; none
    are given by a check that measures every request. `required` names values that each request should have, such as
    latencies, of which `min_requests` are needed. Only a check that is `comparing` needs data of the baseline: what
    only the new version does can still have a limit.
    """
    if view.broken:
        return VerdictKind.ERROR, BROKEN
    cohorts = _needed(view, comparing=comparing)
    samples = samples[: len(cohorts)]
    for cohort, sample in zip_longest(cohorts, samples):
        if cohort.window.requests == 0:
            return VerdictKind.NO_DATA, f"{cohort.name} has no requests in the window"
        if sample == 0:
            return VerdictKind.NO_DATA, f"{cohort.name} has requests in the window, but none with the measured value"
    short = [cohort for cohort in cohorts if cohort.eligible < view.min_requests]
    if short:
        return VerdictKind.INCONCLUSIVE, f"{_so_far(short)}, needs {count(view.min_requests)}"
    for cohort, sample in zip(cohorts, samples, strict=True) if required else ():
        requests = cohort.window.requests
        # Only where values are missing: a short window of sparse traffic has few requests, and the stage has enough.
        if sample < min(requests, view.min_requests):
            lacking = f"{count(requests - sample)} of its {count(requests)} requests in the window have none"
            needs = f"needs {count(view.min_requests)}"
            return VerdictKind.INCONCLUSIVE, f"{cohort.name} has {count(sample)} {required}, {needs}; {lacking}"
    return None


FAILURES = ("4xx", "5xx", "error")
"""The outcomes whose requests may lack a latency: such a request need not have ended."""


def lacking_latencies(view: EvidenceView, samples: Sequence[int], *, comparing: bool) -> str:
    """Which needed cohorts have latencies of fewer than half of their requests; "" if none.

    A quantile of the few requests that have a latency is not that of the others, which may be the slow ones. Where
    there are as many failures as latencies are missing, the failures may be all that lack one. `samples` and
    `comparing` are those of `presence`.
    """
    if not view.rules.cohort_completeness:
        return ""
    faults = []
    for cohort, sample in zip(_needed(view, comparing=comparing), samples, strict=False):
        requests = cohort.window.requests
        without = requests - sample
        # Not the missing latencies less the failures: failures with a latency would then excuse successes without one.
        if sample < without and cohort.window.errors(FAILURES) < without:
            faults.append(f"{cohort.name}: {count(without)} of {count(requests)} requests have no latency")
    return f"{'; '.join(faults)}; at least half need one, unless all without one failed" if faults else ""


def _needed(view: EvidenceView, *, comparing: bool) -> tuple[CohortView, ...]:
    both = view.compared and (comparing or not view.rules.limit_asks_candidate_only)
    return (view.candidate, view.baseline) if both else (view.candidate,)


def _so_far(cohorts: Sequence[CohortView]) -> str:
    return " and ".join(f"{cohort.name} has {count(cohort.eligible)} requests" for cohort in cohorts)
