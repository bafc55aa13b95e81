"""Histograms of simulated latencies, drawn bucket by bucket: as many as there are requests, in little time.

Each bucket's probability is worked out once per distribution, so a pane's histogram is a draw over some 500 buckets.
It is distributed just as `Histogram.of` lognormal draws would be.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf, log
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gates.stats.histogram import BUCKETS, Histogram, lower_edges
from streams.offline.simulation.changes import Latency

TAIL_MEDIAN = 4.0
TAIL_SPREAD = 0.4

MANY = 400
"""From so many latencies on one multinomial draw of the buckets is quicker than a draw for each."""

_LEAST = 1e-12  # buckets less likely than this are left out


@lru_cache(maxsize=256)
def _buckets(latency: Latency) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The buckets that matter, and the probability of each."""
    centre = log(latency.median_ms * latency.factor / 1_000.0)
    body = _probabilities(centre, latency.spread)
    tail = _probabilities(centre + log(TAIL_MEDIAN), TAIL_SPREAD)
    mixed = (1.0 - latency.tail) * body + latency.tail * tail
    indices = np.flatnonzero(mixed > _LEAST)
    return indices, mixed[indices] / mixed[indices].sum()


def _probabilities(centre: float, spread: float) -> NDArray[np.float64]:
    """Of each bucket, under the lognormal distribution; the first and the last take what lies beyond."""
    edges = np.log(lower_edges(np.arange(1, BUCKETS, dtype=np.int64)))
    if not spread:
        below = [float(edge > centre) for edge in edges]
    else:
        normal = NormalDist(centre, spread)
        below = [normal.cdf(edge) for edge in edges]
    return np.diff(below, prepend=0.0, append=1.0)


@lru_cache(maxsize=256)
def _cumulative(latency: Latency) -> NDArray[np.float64]:
    summed = np.cumsum(_buckets(latency)[1])
    summed[-1] = inf
    return summed


def draw(latency: Latency, requests: int, rng: np.random.Generator) -> Histogram:
    """The latencies of so many requests."""
    indices, probabilities = _buckets(latency)
    if requests >= MANY:
        counts = rng.multinomial(requests, probabilities)
    else:
        drawn = np.searchsorted(_cumulative(latency), rng.random(requests), side="right")
        counts = np.bincount(drawn, minlength=len(indices))
    some = np.flatnonzero(counts)
    return Histogram(indices[some], counts[some])
