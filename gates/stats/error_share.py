"""Share e-process: evidence that the candidate fails more (or less) than `ratio` times the concurrent baseline.

Anytime-valid: whoever looks after every pane and stops when they like still errs at most with the stated probability.
Given the requests each cohort really had in a pane, the candidate's share of the errors is compared with the share it
would have under the null `p_candidate <= ratio * p_baseline + margin` (for advance: `>=`), as in the Poisson test of
Lindon and Malek (NeurIPS 2022, arXiv 2011.03567), but with the share taken from realised counts, so that ramps,
drifting base rates and wrong traffic shares do no harm. `mixture` weighs the effect sizes and the starting times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

import numpy as np

from gates.stats.mixture import START_BLOCK, Mixture, inverse_root_weights, start_prior, uniform_weights

__all__ = [
    "ADVANCE_EFFECTS",
    "ADVANCE_MARGIN",
    "REGRESSION_EFFECTS",
    "START_BLOCK",
    "ErrorShare",
    "PaneCounts",
    "log_factor",
    "start_prior",
]

REGRESSION_EFFECTS: tuple[float, ...] = tuple(np.geomspace(1.1, 64.0, 20).tolist())
"""How many times worse than the null the mixture looks for."""

ADVANCE_EFFECTS: tuple[float, ...] = tuple((1.0 / np.geomspace(1.1, 20.0, 16)).tolist())
"""How many times better than the null the mixture looks for."""

ADVANCE_MARGIN = 0.005
"""Error rate that a candidate may add and still count as no worse: 0.5 %."""


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


@dataclass(slots=True)
class ErrorShare:
    """An e-process over panes: a weighted mixture over effects and, with `blocks`, over starting times.

    `blocks` None starts all mass at the first pane. State is that of the mixture: log evidence per effect.

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
    _mixture: Mixture = field(init=False)

    def __post_init__(self) -> None:
        self._mixture = Mixture(self.weights, self.blocks)

    @classmethod
    def regression(cls, ratio: float, blocks: int | None = None) -> ErrorShare:
        """Evidence that the candidate is worse: the null is `p_c <= ratio * p_b`."""
        return cls(ratio, 0.0, REGRESSION_EFFECTS, inverse_root_weights(REGRESSION_EFFECTS), blocks)

    @classmethod
    def advance(cls, ratio: float, margin: float = ADVANCE_MARGIN) -> ErrorShare:
        """Evidence that the candidate is good enough: the null is `p_c >= ratio * p_b + margin`."""
        return cls(ratio, margin, ADVANCE_EFFECTS, uniform_weights(ADVANCE_EFFECTS))

    def update(self, counts: PaneCounts) -> None:
        """Take in one pane; a pane without traffic in either cohort moves only the clock of the prior."""
        if not counts.candidate_requests or not counts.baseline_requests:
            self._mixture.update(None)
            return
        self._mixture.update(
            [log_factor(counts, effect * self.ratio, self.ratio, self.margin) for effect in self.effects]
        )

    def get(self) -> float:
        """The e-value: 1 at the start, large where the null is false; finite."""
        return self._mixture.get()

    def dump(self) -> tuple[int, list[float | None]]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return self._mixture.dump()

    def load(self, state: tuple[int, Sequence[float | None]]) -> None:
        """Continue from what `dump` returned."""
        self._mixture.load(state)
