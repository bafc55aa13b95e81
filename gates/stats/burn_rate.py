"""Multi-window multi-burn-rate: whether the error budget is spent too fast, and how much of it this rollout has spent.

An SLO of 99.9% leaves a budget: 0.1% of the requests of a period (30 days) may fail. The burn rate is how many times
faster than evenly it is being spent: error rate / (1 - SLO). A rule watches a long window, so that a blip does not
count, and a short one, so that what is over stops counting; it burns while both are beyond the threshold (Beyer et al.:
The Site Reliability Workbook, 2018, chapter 5, table 5-8). Unlike an e-process it claims no error probability: it is a
guard rail. SLOs, error rates and budgets are shares (0 to 1); lengths of time are milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
PERIOD_MS = 30 * DAY_MS
"""The period that an error budget is for."""

MIN_ERRORS = 20
"""Errors in the long window below which a rule does not burn, so that one error in three requests is no alarm."""

_SHORT_PER_LONG = 12


def burn(errors: int, requests: int, slo: float) -> float | None:
    """How many times faster than evenly the budget is spent; None without requests.

    >>> round(burn(144, 10_000, 0.999), 9)
    14.4
    """
    return errors / requests / budget(slo) if requests else None


def budget(slo: float) -> float:
    """The share of requests that may fail.

    Raises:
        ValueError: the SLO is not between 0 and 1; one of 100% leaves no budget to divide by.
    """
    if not 0.0 < slo < 1.0:
        raise ValueError(f"an SLO lies between 0 and 1, both excluded, not at {slo}")
    return 1.0 - slo


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """Errors and requests in one sliding window."""

    errors: int
    requests: int


@dataclass(frozen=True, slots=True)
class BurnRule:
    """Alarm when a long window spends `budget_share` of the period's budget; the short one is a twelfth of it.

    >>> rule = BurnRule(0.02, HOUR_MS)
    >>> rule.threshold
    14.4
    >>> rule.burning(WindowCounts(150, 10_000), WindowCounts(13, 800), slo=0.999)
    True
    >>> rule.burning(WindowCounts(150, 10_000), WindowCounts(0, 800), slo=0.999)  # over by now
    False
    """

    budget_share: float
    long_ms: int
    period_ms: int = PERIOD_MS
    min_errors: int = MIN_ERRORS

    @property
    def short_ms(self) -> int:
        """How long the short window is."""
        return self.long_ms // _SHORT_PER_LONG

    @property
    def threshold(self) -> float:
        """The burn rate that spends `budget_share` of the budget in one long window."""
        return self.budget_share * self.period_ms / self.long_ms

    def error_rate(self, slo: float) -> float:
        """The error rate beyond which the rule burns; from 1 on it never can, because the budget is too large."""
        return self.threshold * budget(slo)

    def burning(self, long: WindowCounts, short: WindowCounts, *, slo: float) -> bool:
        """Whether both windows are beyond the threshold, on at least `min_errors` errors; never without requests.

        Raises:
            ValueError: the SLO is not between 0 and 1.
        """
        limit = self.error_rate(slo)
        beyond = all(window.errors > limit * window.requests for window in (long, short))
        return beyond and long.errors >= self.min_errors


@dataclass(slots=True)
class BudgetSpent:
    """The share of the period's error budget that a rollout has used: what `budget: {slo, spend}` caps.

    The budget of the period is not known in the middle of it, so it is extrapolated: as many requests a second as
    in the rollout so far, all period long. For even traffic that is burn rate times elapsed time over the period.

    >>> spent = BudgetSpent(slo=0.999)
    >>> spent.add_pane(requests=360_000, errors=5_184, lasting_ms=HOUR_MS)  # burns at 14.4 for an hour
    >>> round(spent.get(), 9)
    0.02

    Raises:
        ValueError: the SLO is not between 0 and 1.
    """

    slo: float
    period_ms: int = PERIOD_MS
    requests: int = 0
    errors: int = 0
    elapsed_ms: int = 0

    def __post_init__(self) -> None:
        budget(self.slo)

    def add_pane(self, *, requests: int, errors: int, lasting_ms: int) -> None:
        """Take in a pane: the requests of all cohorts, and the errors that are attributed to the rollout.

        Those are the candidate's: all of them, or those beyond what the baseline would have made.
        """
        self.requests += requests
        self.errors += errors
        self.elapsed_ms += lasting_ms

    def get(self) -> float | None:
        """The share of the period's budget used: 0 to 1, or beyond where it is overspent; None without requests."""
        if not self.requests:
            return None
        return self.errors * self.elapsed_ms / (self.requests * self.period_ms * budget(self.slo))

    def dump(self) -> tuple[int, int, int]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return self.requests, self.errors, self.elapsed_ms

    def load(self, state: tuple[int, int, int]) -> None:
        """Continue from what `dump` returned."""
        self.requests, self.errors, self.elapsed_ms = state
