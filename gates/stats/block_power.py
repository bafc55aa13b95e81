"""How soon the bets on blocks (`gates.stats.block_evidence`) detect a worse candidate, and show a good one to be good.

A block multiplies the evidence by a mean, so its logarithm grows by the expectation of ln((k a + m b) / (k + m)) over
the numbers k and m of bad events of candidate and baseline in a block, both Poisson; for the best of the effects. The
evidence is at its threshold after about (ln threshold + `MIXTURE_COST`) / growth blocks (Wald 1945), and spreads about
that as a random walk does. Against the simulated medians of the rule (5 to 1,000 requests a second, weights of 1% to
50%, 0.1% and 1% errors) these times are 0.75 to 1.1 times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from gates.stats.advance_sums import ADVANCE_EFFECTS
from gates.stats.block_bets import EFFECTS, block_panes, largest_log_factor
from gates.stats.block_evidence import EARLY_CAP
from gates.stats.error_correlation import PRIOR_BLOCKS, PRIOR_PHI, SETTLED_BLOCKS

MIXTURE_COST = 1.5
"""Nats that the mixture over effects and starts needs beyond the threshold; fitted to simulations."""

SPREAD_OF_95 = 2.0
"""Standard deviations between the median and the 95th percentile: 1.645, and more because the law is skewed."""

PASS_COST = 0.8
"""Nats that the mixture over effects needs beyond the threshold of an advance; fitted to simulations."""

MEASURED_PHI = 1.5
"""What is measured as phi where errors are independent: the largest of noisy estimates, with their margins."""

LONGEST_WAIT_S = 60.0
"""As in the pane merger: requests that have waited longer for those of the other cohort are not compared."""

_CATASTROPHE_COST = log(10.0)
"""The row on lost successes has a fifth of the evidence, and half of that bets from the first pane on."""

_FEW = 40.0
_QUADRATURE = 9


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Events a second of candidate and baseline, and the share of each that is bad."""

    candidate: float
    baseline: float
    candidate_bad: float
    baseline_bad: float

    def compared(self) -> Cohorts:
        """The events that find some of the other cohort in time.

        >>> round(Cohorts(0.01, 1.0, 0.5, 0.01).compared().baseline, 3)
        0.451
        """
        candidate = self.candidate * (1.0 - exp(-LONGEST_WAIT_S * self.baseline))
        baseline = self.baseline * (1.0 - exp(-LONGEST_WAIT_S * self.candidate))
        return Cohorts(candidate, baseline, self.candidate_bad, self.baseline_bad)


@dataclass(frozen=True, slots=True)
class Pace:
    """Growth of the log evidence in one block: its mean and variance in nats, and how many seconds a block takes."""

    nats: float
    variance: float
    block_s: float

    def median(self, threshold: float) -> float:
        """Median seconds until the evidence reaches `threshold`; infinite without growth.

        >>> Pace(1.1, 1.0, 3.0).median(100.0), Pace(0.0, 1.0, 3.0).median(100.0)
        (18.0, inf)
        """
        return ceil(self._blocks(threshold)) * self.block_s if self.nats > 0.0 else inf

    def p95(self, threshold: float) -> float:
        """Seconds that suffice in 95 of 100 cases."""
        if self.nats <= 0.0:
            return inf
        blocks = self._blocks(threshold)
        spread = sqrt(blocks * self.variance) / self.nats
        return ceil(blocks + SPREAD_OF_95 * spread) * self.block_s

    def _blocks(self, threshold: float) -> float:
        return (log(threshold) + MIXTURE_COST) / self.nats


@lru_cache(maxsize=1 << 12)
def pace(cohorts: Cohorts, ratio: float, pane_s: float, correlation_s: float = 1.0, least_bad: float = 0.0) -> Pace:
    """The pace of a comparison; `correlation_s` is rho, `least_bad` as in `BlockRule`.

    >>> found = pace(Cohorts(50.0, 950.0, 0.05, 0.01), 1.25, 1.0)
    >>> round(found.nats, 3), found.block_s, found.median(100.0)
    (1.113, 3.0, 18.0)
    """
    share = max(cohorts.baseline_bad, least_bad)
    largest = largest_log_factor(cohorts.candidate, cohorts.baseline, share, ratio)
    block_s = block_panes(correlation_s, largest, pane_s) * pane_s
    mine, weights = _poisson(cohorts.candidate * cohorts.candidate_bad * block_s)
    theirs, base_weights = _poisson(cohorts.baseline * cohorts.baseline_bad * block_s)
    k, m = mine[:, None], theirs[None, :]
    chance = weights[:, None] * base_weights[None, :]
    bad = k + m
    null = ratio * cohorts.candidate + cohorts.baseline
    best, variance = 0.0, 0.0
    for effect in EFFECTS:
        baseline = null / (effect * ratio * cohorts.candidate + cohorts.baseline)
        mean = np.divide(k * effect * baseline + m * baseline, bad, out=np.ones_like(bad), where=bad > 0.0)
        logs = np.log(mean)
        nats = float((chance * logs).sum())
        if nats > best:
            best, variance = nats, float((chance * logs * logs).sum()) - nats * nats
    return Pace(best, variance, block_s)


def _poisson(expected: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of a Poisson count and their probabilities; of many events, nodes of the normal law near it."""
    if expected > _FEW:
        nodes, weights = np.polynomial.hermite_e.hermegauss(_QUADRATURE)
        return np.maximum(expected + nodes * sqrt(expected), 0.0), weights / weights.sum()
    values = np.arange(int(expected + 8.0 * sqrt(expected) + 10.0))
    if expected <= 0.0:
        return values.astype(np.float64), (values == 0).astype(np.float64)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(values[1:]))])
    weights = np.exp(values * log(expected) - expected - factorials)
    return values.astype(np.float64), weights / weights.sum()


def successes_lost(cohorts: Cohorts, threshold: float, pane_s: float) -> float:
    """Seconds until the row on lost successes reaches `threshold` alone; infinite where most requests still succeed.

    >>> successes_lost(Cohorts(50.0, 950.0, 1.0, 0.01), 100.0, 1.0)
    2.0
    >>> successes_lost(Cohorts(50.0, 950.0, 0.5, 0.01), 100.0, 1.0)
    inf
    """
    null, alternative = cohorts.candidate / 2.0 + cohorts.baseline, 0.02 * cohorts.candidate + cohorts.baseline
    gained = cohorts.candidate * (1.0 - cohorts.candidate_bad) * log(0.04 * null / alternative)
    gained += cohorts.baseline * (1.0 - cohorts.baseline_bad) * log(null / alternative)
    if gained <= 0.0:
        return inf
    most = EARLY_CAP if pane_s < 2.0 else 2.0 * EARLY_CAP
    return ceil((log(threshold) + _CATASTROPHE_COST) / min(gained * pane_s, most) - 1e-9) * pane_s


def advance_growth(cohorts: Cohorts, ratio: float, margin: float) -> float:
    """Nats a second, not yet divided by phi, for a candidate below `ratio` times the baseline plus `margin`.

    >>> round(advance_growth(Cohorts(50.0, 950.0, 0.01, 0.01), 1.25, 0.005), 4)
    0.0898
    """
    null, best = ratio * cohorts.candidate + cohorts.baseline, 0.0
    for effect in ADVANCE_EFFECTS:
        baseline = null / (effect * ratio * cohorts.candidate + cohorts.baseline)
        candidate = effect * baseline
        gained = cohorts.candidate * (cohorts.candidate_bad * log(candidate) - margin * (candidate - 1.0))
        best = max(best, gained + cohorts.baseline * cohorts.baseline_bad * log(baseline))
    return best


def time_to_pass(growth: float, nats: float, stated: float | None, blocks_per_s: float, *, new: bool) -> float:
    """Seconds until evidence of `nats`, after division by phi; infinite without growth.

    phi is `stated` by the policy, or measured. At a `new` rollout it begins at the prior, and blocks of 10 s with bad
    events of the baseline, `blocks_per_s` of them a second, wear that off. Without any the prior stays.

    >>> time_to_pass(0.04, 3.0, None, 0.1, new=False), time_to_pass(0.04, 3.0, None, 0.1, new=True)
    (142.5, 313.5)
    """
    if growth <= 0.0:
        return inf
    needed = (nats + PASS_COST) / growth
    if stated is not None:
        return needed * stated
    if not new:
        return needed * MEASURED_PHI
    for blocks in range(SETTLED_BLOCKS):
        phi = max(MEASURED_PHI, (blocks * MEASURED_PHI + PRIOR_BLOCKS * PRIOR_PHI) / (blocks + PRIOR_BLOCKS))
        until = (blocks + 3.0) / blocks_per_s if blocks_per_s > 0.0 else inf  # a block counts as the middle of three
        if needed * phi <= until:
            return max(needed * phi, (blocks + 2.0) / blocks_per_s if blocks and blocks_per_s > 0.0 else 0.0)
    return max(needed * MEASURED_PHI, (SETTLED_BLOCKS + 2.0) / blocks_per_s)


def blocks_with_errors(bad_per_s: float) -> float:
    """Blocks of 10 s a second that count: the block or a neighbour has a bad event.

    >>> round(blocks_with_errors(1.0), 3), blocks_with_errors(0.0)
    (0.1, 0.0)
    """
    return (1.0 - exp(-30.0 * bad_per_s)) / 10.0
