"""How much of an error budget a rollout has spent, error by error.

Each error spends a share of the period's budget when it happens, by the traffic so far: as many requests a second as in
the rollout until then, all period long. So what is spent never falls, and never grows without an error. Panes without
requests are left out of the elapsed time: a night without traffic makes no error dearer.

While the baseline fails beyond the SLO as well, the cause is likely shared, and only the candidate's errors beyond the
baseline's rate count. They are summed over the whole of such a time, not pane by pane: the larger of two noisy counts
of each pane would spend a budget although both cohorts fail alike.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

from gates.stats.burn_rate import MIN_ERRORS, MINUTE_MS, PERIOD_MS, budget

BEYOND_CHANCE = 4.0
"""Standard deviations beyond the SLO from which on the baseline fails, on fewer than `min_errors` errors too."""

LEAST_ERRORS = 5
"""Fewer errors of the baseline in a minute show nothing."""


class _Pane(NamedTuple):
    """A pane of the last minute: its start, the baseline's counts, the candidate's, and what it was charged with."""

    start: int
    requests: int
    errors: int
    own_requests: int
    own_errors: int
    attributed: float = 0.0


@dataclass(slots=True)
class CohortCounts:
    """Requests of one cohort, and the errors among them."""

    requests: int = 0
    errors: int = 0

    def add(self, other: CohortCounts) -> None:
        """Add the counts of another pane."""
        self.requests += other.requests
        self.errors += other.errors


class BudgetLedger:
    """The share of a period's error budget that the candidate has spent.

    >>> ledger = BudgetLedger(slo=0.999)
    >>> for second in range(3_600):
    ...     ledger.add_pane(second * 1_000, 1_000, CohortCounts(50, 1), CohortCounts(50, 0))
    >>> round(ledger.spent, 6)  # burns at 10 for an hour of 720
    0.013889

    Raises:
        ValueError: the SLO is not between 0 and 1.
    """

    def __init__(self, slo: float, min_errors: int = MIN_ERRORS) -> None:
        self._allowed = budget(slo)
        self._min_errors = min_errors
        self.spent = 0.0
        self.errors = 0.0
        self._requests = 0
        self._elapsed_ms = 0
        self._minute: deque[_Pane] = deque()  # the last minute
        self._shared: tuple[CohortCounts, CohortCounts] | None = None  # since both fail: candidate, baseline
        self._counted = 0.0  # of the candidate's errors since then

    def add_pane(self, start: int, lasting_ms: int, candidate: CohortCounts, baseline: CohortCounts) -> None:
        """Take in a pane that begins at `start` and lasts so long, in milliseconds."""
        requests = candidate.requests + baseline.requests
        if requests:
            self._requests += requests
            self._elapsed_ms += lasting_ms
            self._minute.append(_Pane(start, baseline.requests, baseline.errors, candidate.requests, candidate.errors))
        while self._minute and self._minute[0].start < start + lasting_ms - MINUTE_MS:
            self._minute.popleft()
        errors = self._attributed(candidate, baseline)
        if requests and self._minute:
            self._minute[-1] = self._minute[-1]._replace(attributed=errors)
        if errors > 0.0:
            self.errors += errors
            self.spent += errors * self._elapsed_ms / (self._requests * PERIOD_MS * self._allowed)

    def _attributed(self, candidate: CohortCounts, baseline: CohortCounts) -> float:
        """How many of the pane's errors are attributed to the candidate."""
        if not self._baseline_fails():
            self._shared, self._counted = None, 0.0
            return float(candidate.errors)
        if self._shared is None:
            # Both cohorts over the same panes: the minute before has healthy ones, and errors that were attributed.
            own_requests = sum(each.own_requests for each in self._minute)
            own_errors = sum(each.own_errors for each in self._minute)
            self._shared = CohortCounts(own_requests, own_errors), self._last_minute()
            self._counted = sum(each.attributed for each in self._minute)
        else:
            self._shared[0].add(candidate)
            self._shared[1].add(baseline)
        own, other = self._shared
        if not candidate.errors:
            return 0.0
        beyond = own.errors - own.requests * other.errors / other.requests
        found = max(0.0, min(beyond - self._counted, float(candidate.errors)))
        self._counted += found
        return found

    def _baseline_fails(self) -> bool:
        minute = self._last_minute()
        errors, allowed = minute.errors, minute.requests * self._allowed
        if errors <= allowed:
            return False
        chance = BEYOND_CHANCE * sqrt(allowed * (1.0 - self._allowed))
        return errors >= self._min_errors or (errors >= LEAST_ERRORS and errors - allowed > chance)

    def _last_minute(self) -> CohortCounts:
        """The baseline's counts."""
        return CohortCounts(sum(each.requests for each in self._minute), sum(each.errors for each in self._minute))

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        shared = None if self._shared is None else [[each.requests, each.errors] for each in self._shared]
        totals = [self.spent, self.errors, self._requests, self._elapsed_ms]
        return [*totals, [list(each) for each in self._minute], shared, self._counted]

    def load(self, state: list[Any]) -> None:
        """Continue from what `dump` returned."""
        self.spent, self.errors, self._requests, self._elapsed_ms, minute, shared, self._counted = state
        self._minute = deque(_Pane(*each) for each in minute)
        self._shared = None if shared is None else (CohortCounts(*shared[0]), CohortCounts(*shared[1]))
