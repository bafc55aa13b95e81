"""Rank tests on minutes, like Kayenta's default judge (NetflixACAJudge).

Error rate and p95 make one point a minute and cohort. At each look, all points so far are compared: the shift between
the two samples is estimated (Hodges and Lehmann) with a 98 % confidence interval from the Mann-Whitney statistic, and a
metric is High if the whole interval lies above a quarter of the estimate. One metric of two that is High makes a score
of 50, below any customary threshold, so it rolls back. How Kayenta judges:
https://spinnaker.io/docs/guides/user/canary/judge/ and kayenta-judge and kayenta-mannwhitney in spinnaker/kayenta.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.judges.judge import BASELINE, CANDIDATE, Minute, Minutes, Ruling
from gates.panes import Pane

CONFIDENCE = 0.98
TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one sample lies above another: the estimate and its confidence interval."""

    low: float
    estimate: float
    high: float


def shift(candidate: NDArray[np.float64], baseline: NDArray[np.float64]) -> Shift:
    """The Hodges-Lehmann shift of `candidate` over `baseline`, its interval by the normal approximation.

    The interval's ends are order statistics of all pairwise differences: those at which the Mann-Whitney statistic of
    the shifted samples, corrected for continuity and for ties within each, just reaches the quantile.

    >>> shift(np.arange(10.0) + 5.0, np.arange(10.0))
    Shift(low=1.0, estimate=5.0, high=9.0)
    """
    pairs = len(candidate) * len(baseline)
    total = len(candidate) + len(baseline)
    ties = sum(int((times**3 - times).sum()) for times in map(_multiplicities, (candidate, baseline)))
    deviation = sqrt(max(0.0, pairs / 12.0 * (total + 1 - ties / (total * (total - 1)))))
    reach = NormalDist().inv_cdf((1.0 + CONFIDENCE) / 2.0) * deviation
    rank = max(1, ceil(pairs / 2.0 - 0.5 - reach))
    differences = np.sort(np.subtract.outer(candidate, baseline).ravel())
    return Shift(float(differences[rank - 1]), float(np.median(differences)), float(differences[-rank]))


def _multiplicities(sample: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.unique(sample, return_counts=True)[1]


def is_high(candidate: Sequence[float], baseline: Sequence[float]) -> bool:
    """Whether the candidate's points are classified as too high; samples that are empty or identical never are."""
    if not candidate or not baseline or sorted(candidate) == sorted(baseline) or len({*candidate, *baseline}) == 1:
        return False
    found = shift(np.asarray(candidate), np.asarray(baseline))
    return found.low > TOLERANCE * abs(found.estimate)


class MannWhitneyJudge:
    """Tests all minutes so far, every `every` minutes; passes at the test that covers `minutes` of them."""

    def __init__(self, minutes: int, every: int = 5) -> None:
        self._last = minutes
        self._every = every
        self._seen = 0
        self._sums = {name: Minutes(name) for name in (CANDIDATE, BASELINE)}
        self._error_rates: dict[str, list[float]] = {CANDIDATE: [], BASELINE: []}
        self._p95s: dict[str, list[float]] = {CANDIDATE: [], BASELINE: []}

    def observe(self, pane: Pane) -> Ruling | None:
        """Judge the next pane; see `Judge`."""
        complete = {name: minute for name, sums in self._sums.items() if (minute := sums.observe(pane)) is not None}
        if not complete:
            return None
        self._seen += 1
        for name, minute in complete.items():
            self._take(name, minute)
        if self._seen % self._every:
            return None
        if any(is_high(points[CANDIDATE], points[BASELINE]) for points in (self._error_rates, self._p95s)):
            return "rollback"
        return "pass" if self._seen >= self._last else None

    def _take(self, name: str, minute: Minute) -> None:
        p95 = minute.latency.quantile(0.95)
        if p95 is not None:  # a minute without requests is no point: Kayenta's default is to remove NaN
            self._error_rates[name].append(minute.error_rate)
            self._p95s[name].append(p95)
