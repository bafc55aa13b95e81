"""Confidence sequence for the ratio of error rates, candidate to baseline: shown beside the verdict.

Valid at every pane at once, under the assumption that the ratio is constant in time (the rates themselves may drift,
and the traffic may ramp). A ratio `x` stays in it while the mixture of the conditional likelihoods over a grid of
ratios has not outgrown the likelihood at `x` by `1 / alpha` (Lindon and Malek, NeurIPS 2022, arXiv 2011.03567, with
the shares taken from realised counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, fsum, log
from typing import NamedTuple

import numpy as np

from gates.stats.pane_counts import PaneCounts

RATIOS: tuple[float, ...] = tuple(np.geomspace(0.02, 200.0, 401).tolist())
"""The ratios that are distinguished: 2.3% from one to the next."""

_LOG_RATIOS = tuple(log(ratio) for ratio in RATIOS)


class Interval(NamedTuple):
    """Lower end, estimate and upper end of a ratio; an end of the grid stands for anything beyond it."""

    lower: float
    estimate: float
    upper: float


@dataclass(slots=True)
class RatioInterval:
    """State is the log-likelihood of each of `RATIOS`, up to a common constant.

    >>> interval = RatioInterval()
    >>> for _ in range(20):
    ...     interval.add_counts(PaneCounts(2, 10, 100, 1000))
    >>> [round(end, 2) for end in interval.interval(0.05)]
    [1.03, 2.0, 3.56]
    """

    log_likelihood: list[float] = field(default_factory=lambda: [0.0] * len(RATIOS))
    errors: float = 0

    def add_counts(self, counts: PaneCounts, dispersion: float = 1.0) -> None:
        """Take in one pane, its logarithm divided by the `dispersion` phi.

        Without errors, or without traffic in either cohort, the pane does not bound the ratio.
        """
        s_c, s = counts.candidate_bad, counts.candidate_bad + counts.baseline_bad
        n_c, n_b = counts.candidate_events, counts.baseline_events
        if not s or not n_c or not n_b:
            return
        self.errors += s
        self.log_likelihood = [
            known + (s_c * log_ratio - s * log(ratio * n_c + n_b)) / dispersion
            for known, ratio, log_ratio in zip(self.log_likelihood, RATIOS, _LOG_RATIOS, strict=True)
        ]

    def log_evidence(self) -> list[float]:
        """Log evidence against each of `RATIOS` being the true one."""
        top = max(self.log_likelihood)
        mean = top + log(fsum(exp(known - top) for known in self.log_likelihood) / len(RATIOS))
        return [mean - known for known in self.log_likelihood]

    def interval(self, alpha: float) -> Interval | None:
        """The interval that misses the true ratio ever with probability at most `alpha`; None before an error.

        The estimate is the likeliest ratio of the grid. The ends are one grid step outside the ratios that stay.

        Raises:
            ValueError: alpha is not between 0 and 1.
        """
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"an alpha of {alpha} is not between 0 and 1")
        if not self.errors:
            return None
        limit = log(1.0 / alpha)
        evidence = self.log_evidence()
        kept = [index for index, against in enumerate(evidence) if against < limit]
        lower, upper = max(kept[0] - 1, 0), min(kept[-1] + 1, len(RATIOS) - 1)
        return Interval(RATIOS[lower], RATIOS[evidence.index(min(evidence))], RATIOS[upper])

    def dump(self) -> tuple[float, list[float]]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return self.errors, list(self.log_likelihood)

    def load(self, state: tuple[float, Sequence[float]]) -> None:
        """Continue from what `dump` returned."""
        self.errors, self.log_likelihood = state[0], list(state[1])
