"""Fixed thresholds, like Flagger's built-in metric checks.

Once a minute the candidate's last minute must show a success rate of at least 99 % and a p99 of at most 500 ms. Each
check that does not is counted, over the whole analysis, and so is a check that finds no data; `threshold` of them roll
back. Only checks that pass move the rollout on. Defaults: https://docs.flagger.app/usage/metrics for the checks,
https://docs.flagger.app/usage/how-it-works for the loop; a `threshold` that is not set counts as 1.
"""

from __future__ import annotations

from benchmarks.judges.judge import CANDIDATE, Minute, Minutes, Ruling
from gates.panes import Pane

MIN_SUCCESS = 0.99
MAX_P99_MS = 500.0


class ThresholdJudge:
    """Passes after `checks` good minutes, rolls back after `threshold` bad ones, whichever comes first."""

    def __init__(self, checks: int, threshold: int = 1) -> None:
        self._checks = checks
        self._threshold = threshold
        self._minutes = Minutes(CANDIDATE)
        self._good = self._bad = 0

    def observe(self, pane: Pane) -> Ruling | None:
        """Judge the next pane; see `Judge`."""
        minute = self._minutes.observe(pane)
        if minute is None:
            return None
        if _good(minute):
            self._good += 1
            return "pass" if self._good >= self._checks else None
        self._bad += 1
        return "rollback" if self._bad >= self._threshold else None


def _good(minute: Minute) -> bool:
    p99 = minute.latency.quantile(0.99)
    return p99 is not None and p99 <= MAX_P99_MS and 1.0 - minute.error_rate >= MIN_SUCCESS
