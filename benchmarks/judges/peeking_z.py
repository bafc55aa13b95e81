"""A textbook test, repeated after every pane: a common home-made judge.

Errors and requests since the start are compared by the two-proportion z-test with pooled variance, one-sided at 1%. It
waits for five expected errors in each cohort, the textbook's rule, so its false rollbacks are due to peeking alone.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from benchmarks.judges.judge import BASELINE, CANDIDATE, ERRORS, Ruling
from gates.panes import Pane

ALPHA = 0.01
MIN_EXPECTED = 5.0
CRITICAL = NormalDist().inv_cdf(1.0 - ALPHA)


def z_score(errors: tuple[int, int], requests: tuple[int, int]) -> float:
    """How many standard errors the first error rate lies above the second; 0 below `MIN_EXPECTED` errors.

    >>> round(z_score((20, 100), (1000, 10_000)), 3)
    2.903
    """
    pooled = sum(errors) / max(1, sum(requests))
    if min(requests) * min(pooled, 1.0 - pooled) < MIN_EXPECTED:
        return 0.0
    difference = errors[0] / requests[0] - errors[1] / requests[1]
    return difference / sqrt(pooled * (1.0 - pooled) * (1.0 / requests[0] + 1.0 / requests[1]))


class PeekingZJudge:
    """Rolls back at the first significant pane; passes at the end of the pane that completes `duration_ms`."""

    def __init__(self, duration_ms: int) -> None:
        self._duration_ms = duration_ms
        self._origin: int | None = None
        self._errors = self._requests = (0, 0)

    def observe(self, pane: Pane) -> Ruling | None:
        """Judge the next pane; see `Judge`."""
        if self._origin is None:
            self._origin = pane.start
        candidate, baseline = pane.cell(CANDIDATE), pane.cell(BASELINE)
        self._errors = (self._errors[0] + candidate.errors(ERRORS), self._errors[1] + baseline.errors(ERRORS))
        self._requests = (self._requests[0] + candidate.requests, self._requests[1] + baseline.requests)
        if z_score(self._errors, self._requests) >= CRITICAL:
            return "rollback"
        return "pass" if pane.end - self._origin >= self._duration_ms else None
