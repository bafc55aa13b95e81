"""Histograms of simulated latencies, drawn bucket by bucket: many requests in little time.

Each bucket's probability is computed once per distribution, so that a pane's histogram is a draw over some 500 buckets.
The result is distributed as `Histogram.of` lognormal draws would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf, log
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gates.stats.histogram import BUCKETS, Histogram, bucket_indices, lower_edges

TAIL_MEDIAN = 4.0
TAIL_SPREAD = 0.4

MANY = 400
"""From this many latencies on, one multinomial draw of all buckets is faster than a draw for each request."""

_LEAST = 1e-12  # less likely buckets are left out: they would only make each draw longer


@dataclass(frozen=True, slots=True)
class LatencyProfile:
    """Lognormal latencies around `median_ms` times `factor`; a share `tail` lies around four times that instead.

    `spread` is the standard deviation of the logarithm. With `rounded_ms` they are whole multiples of it, as in the log
    of a proxy; a share `zeros` is 0.
    """

    median_ms: int = 100
    spread: float = 0.5
    tail: float = 0.03
    factor: float = 1.0
    rounded_ms: int = 0
    zeros: float = 0.0


@lru_cache(maxsize=1_024)
def _buckets(profile: LatencyProfile) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The buckets that matter, and the probability of each."""
    centre = log(profile.median_ms * profile.factor / 1_000.0)
    body = _probabilities(centre, profile.spread)
    tail = _probabilities(centre + log(TAIL_MEDIAN), TAIL_SPREAD)
    mixed = (1.0 - profile.tail) * body + profile.tail * tail
    if profile.rounded_ms:
        mixed = _rounded(mixed, profile.rounded_ms)
    mixed *= 1.0 - profile.zeros
    mixed[0] += profile.zeros
    indices = np.flatnonzero(mixed > _LEAST)
    return indices, mixed[indices] / mixed[indices].sum()


def _probabilities(centre: float, spread: float) -> NDArray[np.float64]:
    """Of each bucket, under the lognormal distribution; the first and the last include what lies beyond them."""
    edges = np.log(lower_edges(np.arange(1, BUCKETS, dtype=np.int64)))
    if not spread:
        below = [float(edge > centre) for edge in edges]
    else:
        normal = NormalDist(centre, spread)
        below = [normal.cdf(edge) for edge in edges]
    return np.diff(below, prepend=0.0, append=1.0)


def _rounded(probabilities: NDArray[np.float64], step_ms: int) -> NDArray[np.float64]:
    """The same with each bucket's middle moved to the nearest multiple of `step_ms`."""
    edges = 1_000.0 * lower_edges(np.arange(BUCKETS + 1, dtype=np.int64))
    nearest = np.round((edges[:-1] + edges[1:]) / 2.0 / step_ms) * step_ms
    moved = np.zeros(BUCKETS)
    np.add.at(moved, bucket_indices(nearest / 1_000.0), probabilities)
    return moved


@lru_cache(maxsize=1_024)
def _cumulative(profile: LatencyProfile) -> NDArray[np.float64]:
    summed = np.cumsum(_buckets(profile)[1])
    summed[-1] = inf  # rounding may leave the sum below 1, and a draw above it would fall out of the last bucket
    return summed


def draw(profile: LatencyProfile, requests: int, rng: np.random.Generator) -> Histogram:
    """The latencies of this many requests."""
    indices, counts = _drawn(profile, requests, rng)
    some = np.flatnonzero(counts)
    return Histogram(indices[some], counts[some])


def draw_into(dense: NDArray[np.int64], profile: LatencyProfile, requests: int, rng: np.random.Generator) -> None:
    """Add the latencies of this many requests to one count per bucket."""
    indices, counts = _drawn(profile, requests, rng)
    dense[indices] += counts


def draw_waiting(
    dense: NDArray[np.int64], profile: LatencyProfile, requests: int, longest_ms: float, rng: np.random.Generator
) -> None:
    """The same of requests that each wait for a uniform part of `longest_ms` as well."""
    indices, counts = _drawn(profile, requests, rng)
    seconds = np.repeat(lower_edges(indices), counts) + rng.random(requests) * (longest_ms / 1_000.0)
    dense += np.bincount(bucket_indices(seconds), minlength=BUCKETS)


def _drawn(
    profile: LatencyProfile, requests: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    indices, probabilities = _buckets(profile)
    if requests >= MANY:
        return indices, rng.multinomial(requests, probabilities)
    drawn = np.searchsorted(_cumulative(profile), rng.random(requests), side="right")
    return indices, np.bincount(drawn, minlength=len(indices))
