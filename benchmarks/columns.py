"""A prototype that updates the evidence of many rollouts at once, in numpy columns, instead of rollout by rollout.

For every rollout and second it does the work of four checks (error share, two latency quantiles, a limit on each):
windows and their quantiles, thresholds, e-factors, e-values, which rollouts fail and which pass. It has one policy for
all rollouts, and no reasons, states or snapshots. The gate does not work like this, because numpy's logarithms differ
between kinds of processors, and a decision must replay bit for bit (docs/decisions/0007). The prototype measures what
that choice costs. Only the benchmarks use it.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.stats.error_share import ADVANCE_EFFECTS, ADVANCE_MARGIN, REGRESSION_EFFECTS
from gates.stats.exceedance import Exceedance, scaled_down, scaled_up
from gates.stats.histogram import BUCKETS, bucket_indices
from gates.stats.mixture import inverse_root_weights, start_prior, uniform_weights

CANDIDATE, BASELINE = 0, 1
RATIO, LATENCY_RATIO = 1.25, 1.2
QUANTILES = (0.95, 0.99)
WINDOW = 60
"""Panes in the window."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Panes:
    """One second of all rollouts: requests and errors by rollout and cohort; the place and bucket of each latency."""

    requests: Ints
    errors: Ints
    rollouts: Ints
    cohorts: Ints
    buckets: Ints


class _Wealth:
    """Log wealth by rollout and effect; `gates.stats.mixture` does the same for one rollout."""

    def __init__(self, rollouts: int, weights: tuple[float, ...], blocks: int | None) -> None:
        self._weights, self._blocks, self._tick = np.array(weights), blocks, 0
        self._logs = np.full((rollouts, len(weights)), -np.inf)
        self._unstarted = 1.0

    def bet(self, factors: Floats) -> Floats:
        """Add one pane; returns the e-value of each rollout."""
        mass = start_prior(self._tick, self._blocks) if self._blocks else float(self._tick == 0)
        if mass:
            self._logs = np.logaddexp(self._logs, np.log(mass))
            self._unstarted = max(0.0, self._unstarted - mass)
        self._tick += 1
        self._logs += factors
        highest = np.maximum(self._logs.max(axis=1), 0.0)
        total = np.exp(self._logs - highest[:, None]) @ self._weights + self._unstarted * np.exp(-highest)
        found: Floats = np.exp(np.minimum(highest + np.log(total), 690.0))
        return found


class Columns:
    """All rollouts of a partition. `blocks` has the meaning that it has in `gates.stats.mixture.start_prior`."""

    def __init__(self, rollouts: int, blocks: int) -> None:
        self._all = np.arange(rollouts)
        self._window: deque[Panes] = deque()
        self._latencies = np.zeros((rollouts, 2, BUCKETS), dtype=np.int32)
        self._sums = np.zeros((2, rollouts, 2), dtype=np.int64)  # requests and errors in the window
        self._worse = _Wealth(rollouts, inverse_root_weights(REGRESSION_EFFECTS), blocks)
        self._better = _Wealth(rollouts, uniform_weights(ADVANCE_EFFECTS), None)
        self._slow = []
        for quantile in QUANTILES:
            worse, better = Exceedance.regression(quantile), Exceedance.advance(quantile)
            wealths = (_Wealth(rollouts, worse.weights, blocks), _Wealth(rollouts, better.weights, None))
            self._slow.append((np.array(worse.effects), np.array(better.effects), *wealths))
        edges = range(BUCKETS)
        self._up = np.array([*(scaled_up(edge, LATENCY_RATIO) for edge in edges), BUCKETS])
        self._down = np.array([*(scaled_down(edge, LATENCY_RATIO) for edge in edges), BUCKETS])

    def judge(self, panes: Panes) -> dict[str, Any]:
        """Add one second; returns e-values (worse, better) by check, and by rollout what follows from them."""
        values = [self._errors(panes), *self._exceeding(panes)]
        self._move(panes)
        counts = self._latencies[:, CANDIDATE].cumsum(axis=1)
        total = counts[:, -1]
        quantiles = [(counts < quantile * total[:, None]).sum(axis=1) for quantile in QUANTILES]
        beyond = self._sums[1, :, CANDIDATE] > 0.05 * self._sums[0, :, CANDIDATE]
        rejected = np.mean([worse for worse, _ in values], axis=0) >= 100.0
        passing = np.all([better >= 20.0 for _, better in values], axis=0)
        return {"values": values, "quantiles": quantiles, "failing": beyond | rejected, "passing": passing & ~beyond}

    def _errors(self, panes: Panes) -> tuple[Floats, Floats]:
        n_c, n_b = panes.requests[:, CANDIDATE, None], panes.requests[:, BASELINE, None]
        out = []
        for effects, margin, wealth in (
            (REGRESSION_EFFECTS, 0.0, self._worse),
            (ADVANCE_EFFECTS, ADVANCE_MARGIN, self._better),
        ):
            true = RATIO * np.array(effects)
            baseline: Floats = (RATIO * n_c + n_b) / np.maximum(true * n_c + n_b, 1e-9)
            candidate = true / RATIO * baseline
            logs = np.log(np.maximum(candidate, 1e-9)), np.log(np.maximum(baseline, 1e-9))
            factors = np.multiply(panes.errors[:, CANDIDATE, None], logs[0], dtype=np.float64)
            factors = factors + panes.errors[:, BASELINE, None] * logs[1]
            factors = factors - n_c * margin * (candidate - 1.0)
            out.append(wealth.bet(np.where((n_c > 0) & (n_b > 0), factors, 0.0)))
        return out[0], out[1]

    def _exceeding(self, panes: Panes) -> list[tuple[Floats, Floats]]:
        known = self._latencies[:, BASELINE].cumsum(axis=1)
        out = []
        for quantile, (worse, better, worse_wealth, better_wealth) in zip(QUANTILES, self._slow, strict=True):
            at = _threshold(known, quantile)
            up = self._factors(panes, at, self._up[at], worse, quantile, known)
            down = self._factors(panes, at, self._down[at], better, quantile, known)
            out.append((worse_wealth.bet(up), better_wealth.bet(down)))
        return out

    def _factors(
        self, panes: Panes, baseline: Ints, candidate: Ints, effects: Floats, quantile: float, known: Ints
    ) -> Floats:
        edges = np.stack((candidate, baseline), axis=1)
        over = panes.buckets >= edges[panes.rollouts, panes.cohorts]
        places = panes.rollouts[over] * 2 + panes.cohorts[over]
        slow = np.bincount(places, minlength=2 * len(self._all)).reshape(-1, 2)[:, :, None]
        n, rate = panes.requests[:, :, None], 1.0 - quantile
        theta = np.minimum(effects * rate, 0.99)
        pooled = (n[:, 0] * theta + n[:, 1] * rate) / np.maximum(n[:, 0] + n[:, 1], 1)
        pooled = np.maximum(pooled, 1e-9)
        factors = slow[:, 0] * np.log(theta / pooled) + (n[:, 0] - slow[:, 0]) * np.log((1.0 - theta) / (1.0 - pooled))
        factors += slow[:, 1] * np.log(rate / pooled) + (n[:, 1] - slow[:, 1]) * np.log((1.0 - rate) / (1.0 - pooled))
        comparable = (n[:, 0] > 0) & (n[:, 1] > 0) & (known[:, -1, None] > 0)
        found: Floats = np.where(comparable, factors, 0.0)
        return found

    def _move(self, panes: Panes) -> None:
        """Move the window by one pane."""
        self._window.append(panes)
        np.add.at(self._latencies, (panes.rollouts, panes.cohorts, panes.buckets), 1)
        self._sums += np.stack((panes.requests, panes.errors))
        if len(self._window) > WINDOW:
            old = self._window.popleft()
            np.subtract.at(self._latencies, (old.rollouts, old.cohorts, old.buckets), 1)
            self._sums -= np.stack((old.requests, old.errors))


def _threshold(cumulative: Ints, quantile: float) -> Ints:
    """The threshold bucket of each rollout; `gates.stats.exceedance.threshold` computes one."""
    rows = np.arange(len(cumulative))
    wanted = quantile * cumulative[:, -1]
    at = np.minimum((cumulative < wanted[:, None]).sum(axis=1), BUCKETS - 1)
    upper = cumulative[rows, at] - wanted
    lower = wanted - np.where(at > 0, cumulative[rows, at - 1], 0)
    found: Ints = at + (upper <= lower)
    return found


def drawn(rng: np.random.Generator, rollouts: int, rate: float = 10.0, share: float = 0.2) -> Panes:
    """A random second: about `rate` requests of each rollout, latencies log-normal around 20 ms, one in 500 fails."""
    requests = np.stack((rng.poisson(rate * share, rollouts), rng.poisson(rate * (1.0 - share), rollouts)), axis=1)
    places = np.repeat(np.arange(2 * rollouts), requests.ravel())
    latencies = rng.lognormal(3.0, 0.5, len(places)) / 1000.0
    return Panes(requests, rng.binomial(requests, 0.002), places // 2, places % 2, bucket_indices(latencies))


def milliseconds(rollouts: int, seconds: int) -> float:
    """Processor time in ms for each second of event time, once the window is full."""
    columns, rng = Columns(rollouts, blocks=180), np.random.default_rng(1)
    panes = [drawn(rng, rollouts) for _ in range(WINDOW + seconds)]
    for each in panes[:WINDOW]:
        columns.judge(each)
    began = time.process_time()
    for each in panes[WINDOW:]:
        columns.judge(each)
    return (time.process_time() - began) * 1000.0 / seconds
