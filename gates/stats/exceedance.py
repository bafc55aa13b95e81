"""Concurrent exceedance: evidence that the candidate's latency quantile is above (or below) `m` times the baseline's.

Per pane, how many baseline requests took at least `Q`, and how many of the candidate's took at least `m * Q`, where
`Q` is the edge of a histogram bucket near the quantile of the baseline's trailing window. `Q` comes from before the
pane, so it is known when the pane is counted (predictable). Were `X_c` stochastically no larger than `m * X_b`, the
candidate would exceed no more often: a 2x2 comparison of two rates, one of them (`1 - quantile`) known by design. Its
e-factor with fixed rates is that of Turner, Ly and Gruenwald (JSPI 230, 2024, 106116); its expectation is at most 1
whatever the rates really are, so a `Q` that misses the quantile costs power and never validity. Both cohorts are
compared within the same pane, so a diurnal drift or a common slow-down cancels.

The caller keeps the trailing window (60 s, without the pane at hand). Unit of thresholds: histogram buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Any

import numpy as np

from gates.stats.histogram import Histogram, RunningHistogram, bucket_indices, lower_edges
from gates.stats.mixture import REMEMBERED, EffectMixture, inverse_root_weights, uniform_weights
from gates.stats.pane_counts import PaneCounts

LOWEST_QUANTILE = 0.25
"""Below it, a rate of exceedance has too little room to grow."""

_EFFECTS = 12
_HIGHEST_RATE = 0.99  # an alternative in which everything exceeds would be refuted by a single request that does not


def threshold(baseline: Histogram | RunningHistogram, quantile: float) -> int | None:
    """The bucket from whose lower edge on about `1 - quantile` of the baseline lies; None without data.

    Of the two edges around the quantile the one whose rate is nearer: where many latencies share a bucket, the other
    may be far off. May be `BUCKETS`, which nothing reaches.

    >>> threshold(Histogram.of([250.0] * 50 + [1000.0] * 50), 0.5)  # the edge just above 250 ms
    769
    """
    buckets, cumulative = baseline.cumulative()
    total = int(cumulative[-1]) if len(cumulative) else 0
    if not total:
        return None
    wanted, at = quantile * total, _position(cumulative, quantile)
    with_bucket, below_bucket = int(cumulative[at]), int(cumulative[at - 1]) if at else 0
    return int(buckets[at]) + (with_bucket - wanted <= wanted - below_bucket)


def holding(baseline: Histogram | RunningHistogram, quantile: float) -> int:
    """The bucket that holds the quantile; there are data.

    >>> holding(Histogram.of([250.0] * 50 + [1000.0] * 50), 0.5)
    768
    """
    buckets, cumulative = baseline.cumulative()
    return int(buckets[_position(cumulative, quantile)])


def _position(cumulative: np.ndarray[Any, Any], quantile: float) -> int:
    return min(int(cumulative.searchsorted(quantile * int(cumulative[-1]))), len(cumulative) - 1)


def bucket_at(latency_ms: float) -> int:
    """The bucket that holds a latency in milliseconds.

    >>> bucket_at(250.0)
    768
    """
    return int(bucket_indices(np.array([latency_ms / 1000.0]))[0])


def scaled_up(bucket: int, ratio: float) -> int:
    """The first bucket whose lower edge is at least `ratio` times that of `bucket`: for the regression test.

    >>> scaled_up(768, 1.1)  # 250 ms * 1.1 = 275 ms, rounded up to 277.3 ms
    775
    """
    below, exact = _scaled(bucket, ratio)
    return below if exact else below + 1


def scaled_down(bucket: int, ratio: float) -> int:
    """The last bucket whose lower edge is at most `ratio` times that of `bucket`: for the advance test.

    The first bucket holds all that is faster than its lower edge too: it starts at 0, and so does any multiple of it.

    >>> scaled_down(768, 1.1)  # 273.4 ms
    774
    """
    return 0 if bucket == 0 else _scaled(bucket, ratio)[0]


@lru_cache(maxsize=1 << 14)
def _scaled(bucket: int, ratio: float) -> tuple[int, bool]:
    """The bucket that holds `ratio` times the edge of `bucket`, and whether that is its own edge."""
    wanted = float(lower_edges(np.array([bucket], dtype=np.int64))[0]) * ratio
    holding = bucket_indices(np.array([wanted]))
    return int(holding[0]), float(lower_edges(holding)[0]) >= wanted


def at_or_above(histogram: Histogram, bucket: int) -> int:
    """How many latencies lie in `bucket` or above.

    >>> at_or_above(Histogram.of([100.0, 250.0, 900.0]), 768)
    2
    """
    return int(histogram.counts[histogram.indices.searchsorted(bucket) :].sum())


def log_factor(counts: PaneCounts, effect: float, rate: float) -> float:
    """Log e-factor of one pane for the alternative that the candidate exceeds `effect` times as often as `rate`.

    Its expectation is at most 1 where the candidate exceeds at most as often as the baseline (`effect` above 1), and
    at least as often (below 1). Without traffic in either cohort it is 0.

    >>> round(log_factor(PaneCounts(9, 50, 50, 950), 3.0, 0.05), 9)
    4.669669682
    """
    n_c, n_b = counts.candidate_events, counts.baseline_events
    if n_c == 0 or n_b == 0:
        return 0.0
    candidate = min(effect * rate, _HIGHEST_RATE)
    pooled = (n_c * candidate + n_b * rate) / (n_c + n_b)
    return (
        counts.candidate_bad * log(candidate / pooled)
        + (n_c - counts.candidate_bad) * log((1.0 - candidate) / (1.0 - pooled))
        + counts.baseline_bad * log(rate / pooled)
        + (n_b - counts.baseline_bad) * log((1.0 - rate) / (1.0 - pooled))
    )


@lru_cache(maxsize=REMEMBERED)
def _log_factors(counts: PaneCounts, effects: tuple[float, ...], rate: float) -> tuple[float, ...] | None:
    """The log factor of each effect; None where all are 0, and without traffic in either cohort."""
    found = tuple(log_factor(counts, effect, rate) for effect in effects)
    return found if any(found) else None


@lru_cache(maxsize=REMEMBERED)
def _worse(rate: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Effects above 1 and their weights, where the baseline exceeds with this rate."""
    effects = tuple(np.geomspace(1.1, min(0.95 / rate, 64.0), _EFFECTS).tolist())
    return effects, inverse_root_weights(effects)


_BETTER: tuple[float, ...] = tuple((1.0 / np.geomspace(1.05, 5.0, _EFFECTS)).tolist())
_BETTER_WEIGHTS = uniform_weights(_BETTER)


@dataclass(slots=True, kw_only=True)
class Exceedance(EffectMixture):
    """An e-process over panes for one quantile; the ratio `m` is in the thresholds by which the caller counts.

    >>> window = Histogram.of([100.0] * 950 + [250.0] * 50)
    >>> bucket = threshold(window, 0.95)
    >>> pane = Histogram.of([100.0] * 40 + [900.0] * 10)
    >>> slow = at_or_above(pane, scaled_up(bucket, 1.1))
    >>> process = Exceedance.regression(0.95)
    >>> process.update(PaneCounts(slow, at_or_above(window, bucket), pane.total, window.total))
    >>> round(process.get(), 3)
    158.087
    """

    quantile: float

    @classmethod
    def regression(cls, quantile: float, blocks: int | None = None) -> Exceedance:
        """Evidence that the candidate is slower: the null is `X_c <= m X_b` in stochastic order.

        Raises:
            ValueError: the quantile is not in [0.25, 1).
        """
        effects, weights = _worse(_rate(quantile))
        return cls(effects=effects, weights=weights, blocks=blocks, quantile=quantile)

    @classmethod
    def advance(cls, quantile: float) -> Exceedance:
        """Evidence that the candidate is fast enough: the null is that its quantile is at least `m` times as high.

        Raises:
            ValueError: the quantile is not in [0.25, 1).
        """
        _rate(quantile)
        return cls(effects=_BETTER, weights=_BETTER_WEIGHTS, quantile=quantile)

    def update(self, counts: PaneCounts, dispersion: float = 1.0) -> None:
        """Take in one pane; a pane without traffic in either cohort moves only the clock of the prior."""
        self.bet(_log_factors(counts, self.effects, 1.0 - self.quantile), dispersion)


def _rate(quantile: float) -> float:
    """How often the baseline exceeds its own quantile."""
    if not LOWEST_QUANTILE <= quantile < 1.0:
        raise ValueError(f"a quantile of {quantile} is not in [{LOWEST_QUANTILE}, 1)")
    return 1.0 - quantile
