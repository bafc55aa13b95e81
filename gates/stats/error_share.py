"""Share e-process: evidence that the candidate fails more (or less) than `ratio` times the concurrent baseline.

Anytime-valid: the stated error probability holds however often one looks and whenever one stops.
Given the requests each cohort really had in a pane, the candidate's share of the errors is compared with the share it
would have under the null `p_candidate <= ratio * p_baseline + margin` (for advance: `>=`), as in the Poisson test of
Lindon and Malek (NeurIPS 2022, arXiv 2011.03567), but with the share taken from realised counts, so that ramps,
drifting base rates and wrong traffic shares do no harm. `mixture` weighs the effect sizes and the starting times.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np

from gates.stats.mixture import (
    REMEMBERED,
    START_BLOCK,
    EffectMixture,
    inverse_root_weights,
    start_prior,
    uniform_weights,
)
from gates.stats.pane_counts import PaneCounts

__all__ = [
    "ADVANCE_EFFECTS",
    "ADVANCE_MARGIN",
    "REGRESSION_EFFECTS",
    "START_BLOCK",
    "ErrorShare",
    "log_factor",
    "start_prior",
]

REGRESSION_EFFECTS: tuple[float, ...] = tuple(np.geomspace(1.1, 64.0, 20).tolist())
"""How many times worse than the null the mixture looks for."""

ADVANCE_EFFECTS: tuple[float, ...] = tuple((1.0 / np.geomspace(1.1, 20.0, 16)).tolist())
"""How many times better than the null the mixture looks for."""

_REGRESSION_WEIGHTS = inverse_root_weights(REGRESSION_EFFECTS)
_ADVANCE_WEIGHTS = uniform_weights(ADVANCE_EFFECTS)

ADVANCE_MARGIN = 0.005
"""Error rate that a candidate may add and still count as no worse: 0.5%."""


def log_factor(counts: PaneCounts, ratio_true: float, ratio: float, margin: float = 0.0) -> float:
    """Log e-factor of one pane, for the alternative that the ratio of error rates is `ratio_true`.

    Its expectation is at most 1 under the null `p_c <= ratio * p_b + margin` where `ratio_true > ratio`, and under
    the reversed null where `ratio_true < ratio`. Without traffic in either cohort it is 0.

    >>> round(log_factor(PaneCounts(3, 5, 100, 900), 4.0, 1.0), 9)
    2.059968968
    """
    n_c, n_b = counts.candidate_events, counts.baseline_events
    if n_c == 0 or n_b == 0:
        return 0.0
    null, alternative = ratio * n_c + n_b, ratio_true * n_c + n_b
    candidate, baseline = (ratio_true / ratio) * null / alternative, null / alternative
    return (
        counts.candidate_bad * log(candidate) + counts.baseline_bad * log(baseline) - n_c * margin * (candidate - 1.0)
    )


@lru_cache(maxsize=REMEMBERED)
def _log_factors(
    counts: PaneCounts, effects: tuple[float, ...], ratio: float, margin: float
) -> tuple[float, ...] | None:
    """The log factor of each effect; None where all are 0, and without traffic in either cohort."""
    found = tuple(log_factor(counts, effect * ratio, ratio, margin) for effect in effects)
    return found if any(found) else None


@dataclass(slots=True, kw_only=True)
class ErrorShare(EffectMixture):
    """An e-process over panes: a weighted mixture over effects and, with `blocks`, over starting times.

    >>> process = ErrorShare.regression(ratio=1.0)
    >>> for pane in (PaneCounts(0, 1, 10, 990), PaneCounts(2, 1, 12, 985), PaneCounts(1, 0, 9, 1003)):
    ...     process.update(pane)
    >>> round(process.get(), 6)
    1356.060122
    """

    ratio: float
    margin: float = 0.0

    @classmethod
    def regression(cls, ratio: float, blocks: int | None = None) -> ErrorShare:
        """Evidence that the candidate is worse: the null is `p_c <= ratio * p_b`."""
        return cls(effects=REGRESSION_EFFECTS, weights=_REGRESSION_WEIGHTS, blocks=blocks, ratio=ratio)

    @classmethod
    def advance(cls, ratio: float, margin: float = ADVANCE_MARGIN) -> ErrorShare:
        """Evidence that the candidate is good enough: the null is `p_c >= ratio * p_b + margin`."""
        return cls(effects=ADVANCE_EFFECTS, weights=_ADVANCE_WEIGHTS, ratio=ratio, margin=margin)

    def update(self, counts: PaneCounts, dispersion: float = 1.0) -> None:
        """Take in one pane; a pane without traffic in either cohort moves only the clock of the prior."""
        self.bet(_log_factors(counts, self.effects, self.ratio, self.margin), dispersion)
