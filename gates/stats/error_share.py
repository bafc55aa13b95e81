"""Share e-process: evidence that the candidate fails more (or less) than `ratio` times the concurrent baseline.

Anytime-valid: whoever looks after every pane and stops when they like still errs at most with the stated probability.
Given the requests each cohort really had in a pane, the candidate's share of the errors is compared with the share it
would have under the null `p_candidate <= ratio * p_baseline + margin` (for advance: `>=`), as in the Poisson test of
Lindon and Malek (NeurIPS 2022, arXiv 2011.03567), but with the share taken from realised counts, so that ramps,
drifting base rates and wrong traffic shares do no harm. A mixture over effect sizes needs no planned effect (Robbins
1970; Ville's inequality), and mass spread over starting times catches a late change (e-detectors: Shin, Ramdas,
Rinaldo, NEJSDS 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, inf, log, log1p

import numpy as np

REGRESSION_EFFECTS: tuple[float, ...] = tuple(np.geomspace(1.1, 64.0, 20).tolist())
"""How many times worse than the null the mixture looks for."""

ADVANCE_EFFECTS: tuple[float, ...] = tuple((1.0 / np.geomspace(1.1, 20.0, 16)).tolist())
"""How many times better than the null the mixture looks for."""

ADVANCE_MARGIN = 0.005
"""Error rate that a candidate may add and still count as no worse: 0.5 %."""

START_BLOCK = 30
"""Panes between two possible starts of a degradation."""

_LOG_LARGEST = 690.0  # e-values are reported up to exp(690), so that they stay finite


@dataclass(frozen=True, slots=True)
class PaneCounts:
    """Requests and errors of candidate and baseline in one pane."""

    candidate_errors: int
    baseline_errors: int
    candidate_requests: int
    baseline_requests: int


def log_factor(counts: PaneCounts, ratio_true: float, ratio: float, margin: float = 0.0) -> float:
    """Log e-factor of one pane, for the alternative that the ratio of error rates is `ratio_true`.

    Its expectation is at most 1 under the null `p_c <= ratio * p_b + margin` where `ratio_true > ratio`, and under
    the reversed null where `ratio_true < ratio`. Without traffic in either cohort it is 0.

    >>> round(log_factor(PaneCounts(3, 5, 100, 900), 4.0, 1.0), 9)
    2.059968968
    """
    n_c, n_b = counts.candidate_requests, counts.baseline_requests
    if n_c == 0 or n_b == 0:
        return 0.0
    null, alternative = ratio * n_c + n_b, ratio_true * n_c + n_b
    candidate, baseline = (ratio_true / ratio) * null / alternative, null / alternative
    return (
        counts.candidate_errors * log(candidate)
        + counts.baseline_errors * log(baseline)
        - n_c * margin * (candidate - 1.0)
    )


def log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b)) without overflow.

    >>> log_add(-inf, 0.0)
    0.0
    """
    high, low = (a, b) if a >= b else (b, a)
    return high if low == -inf else high + log1p(exp(low - high))


def start_prior(tick: int, blocks: int) -> float:
    """Prior mass that a degradation starts at this tick: half of it at the first, the rest spread over `blocks`."""
    if tick == 0:
        return 0.5 + 0.5 / blocks
    if tick % START_BLOCK == 0 and tick // START_BLOCK < blocks:
        return 0.5 / blocks
    return 0.0


@dataclass(slots=True)
class ErrorShare:
    """An e-process over panes: a weighted mixture over effects and, with `blocks`, over starting times.

    `blocks` None starts all mass at the first pane. State is the log evidence per effect.

    >>> process = ErrorShare.regression(ratio=1.0)
    >>> for pane in (PaneCounts(0, 1, 10, 990), PaneCounts(2, 1, 12, 985), PaneCounts(1, 0, 9, 1003)):
    ...     process.update(pane)
    >>> round(process.get(), 6)
    1356.060122
    """

    ratio: float
    margin: float
    effects: tuple[float, ...]
    weights: tuple[float, ...]
    blocks: int | None = None
    tick: int = 0
    log_evidence: list[float] = field(default_factory=list)

    @classmethod
    def regression(cls, ratio: float, blocks: int | None = None) -> ErrorShare:
        """Evidence that the candidate is worse: the null is `p_c <= ratio * p_b`."""
        raw = [effect**-0.5 for effect in REGRESSION_EFFECTS]
        return cls(ratio, 0.0, REGRESSION_EFFECTS, tuple(weight / sum(raw) for weight in raw), blocks)

    @classmethod
    def advance(cls, ratio: float, margin: float = ADVANCE_MARGIN) -> ErrorShare:
        """Evidence that the candidate is good enough: the null is `p_c >= ratio * p_b + margin`."""
        size = len(ADVANCE_EFFECTS)
        return cls(ratio, margin, ADVANCE_EFFECTS, (1.0 / size,) * size)

    def update(self, counts: PaneCounts) -> None:
        """Take in one pane; a pane without traffic in either cohort moves only the clock of the prior."""
        mass = self._mass(self.tick)
        if not self.log_evidence:
            self.log_evidence = [-inf] * len(self.effects)
        if mass > 0.0:
            fresh = log(mass)
            self.log_evidence = [log_add(known, fresh) for known in self.log_evidence]
        if counts.candidate_requests and counts.baseline_requests:
            self.log_evidence = [
                known + log_factor(counts, effect * self.ratio, self.ratio, self.margin)
                for known, effect in zip(self.log_evidence, self.effects, strict=True)
            ]
        self.tick += 1

    def _mass(self, tick: int) -> float:
        if self.blocks is None:
            return 1.0 if tick == 0 else 0.0
        return start_prior(tick, self.blocks)

    def _unstarted(self) -> float:
        """Prior mass on starts that are still to come: it bets nothing and keeps its value."""
        if self.tick == 0:
            return 1.0
        if self.blocks is None:
            return 0.0
        return max(0.0, 0.5 - 0.5 * min((self.tick - 1) // START_BLOCK + 1, self.blocks) / self.blocks)

    def get(self) -> float:
        """The e-value: 1 at the start, large where the null is false; finite."""
        unstarted = self._unstarted()
        total = log(unstarted) if unstarted > 0.0 else -inf
        for weight, known in zip(self.weights, self.log_evidence, strict=False):
            total = log_add(total, log(weight) + known)
        return exp(min(total, _LOG_LARGEST))

    def dump(self) -> tuple[int, list[float | None]]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return self.tick, [None if known == -inf else known for known in self.log_evidence]

    def load(self, state: tuple[int, Sequence[float | None]]) -> None:
        """Continue from what `dump` returned."""
        self.tick = state[0]
        self.log_evidence = [-inf if known is None else known for known in state[1]]
