"""Measurements against a condition, like an Argo Rollouts AnalysisRun.

Once a minute `successCondition: result[0] >= 0.99` is evaluated on the candidate's success rate in the last minute. A
measurement fails where the condition is false. It is an error where the condition cannot be evaluated, because the
query returned nothing; it is then tried again 10 s later. Failures add up over the whole run and end it beyond
`failure_limit`; errors end it only when more than `consecutive_error_limit` come in a row. A silent candidate under
working telemetry is 0/0 = NaN, for which the condition is false. An ended run aborts the rollout, failed or in error.
Limits, NaN and empty results: https://argoproj.github.io/argo-rollouts/features/analysis/
"""

from __future__ import annotations

from benchmarks.judges.judge import BASELINE, CANDIDATE, ERRORS, MINUTE_MS, Ruling, error_rate
from gates.panes import Pane
from gates.windows import CohortWindow

MIN_SUCCESS = 0.99
CONSECUTIVE_ERROR_LIMIT = 4
RETRY_MS = 10_000


class AnalysisRunJudge:
    """Passes after `count` measurements that were not errors, unless a limit was exceeded before."""

    def __init__(
        self, count: int, failure_limit: int = 0, consecutive_error_limit: int = CONSECUTIVE_ERROR_LIMIT
    ) -> None:
        self._count = count
        self._failure_limit = failure_limit
        self._consecutive_error_limit = consecutive_error_limit
        self._windows = {name: CohortWindow(MINUTE_MS) for name in (CANDIDATE, BASELINE)}
        self._due: int | None = None
        self._measured = self._failed = self._errors_in_a_row = 0

    def observe(self, pane: Pane) -> Ruling | None:
        """Judge the next pane; see `Judge`."""
        if self._due is None:
            self._due = pane.start + MINUTE_MS
        for name, window in self._windows.items():
            window.push(pane.start, pane.end, pane.cell(name))
        if pane.end < self._due:
            return None
        self._due = pane.end + (MINUTE_MS if self._measure() else RETRY_MS)
        if self._failed > self._failure_limit or self._errors_in_a_row > self._consecutive_error_limit:
            return "rollback"
        return "pass" if self._measured >= self._count else None

    def _measure(self) -> bool:
        """Take a measurement; False if it was an error."""
        if not any(window.requests for window in self._windows.values()):
            self._errors_in_a_row += 1
            return False
        candidate = self._windows[CANDIDATE]
        success_rate = 1.0 - error_rate(candidate.errors(ERRORS), candidate.requests)
        self._failed += not success_rate >= MIN_SUCCESS
        self._measured += 1
        self._errors_in_a_row = 0
        return True
