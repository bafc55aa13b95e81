"""Histograms of simulated latencies."""

import numpy as np
import pytest

from gates.stats.histogram import Histogram
from streams.offline.simulation.latencies import MANY, TAIL_MEDIAN, TAIL_SPREAD, LatencyProfile, draw


@pytest.mark.parametrize("requests", [MANY - 1, 200_000])
def test_latencies_are_as_if_drawn_one_by_one(requests: int) -> None:
    """Few or many at once: the histogram's quantiles are those of lognormal draws with a slow tail."""
    latency, rng = LatencyProfile(median_ms=80, spread=0.4, tail=0.1), np.random.default_rng(3)
    merged = Histogram()
    for _ in range(200_000 // requests):
        drawn = draw(latency, requests, rng)
        assert drawn.total == requests
        merged = merged.merge(drawn)
    slow = rng.random(200_000) < latency.tail
    plain = rng.lognormal(np.log(80.0), latency.spread, 200_000)
    tail = rng.lognormal(np.log(80.0 * TAIL_MEDIAN), TAIL_SPREAD, 200_000)
    reference = Histogram.of(np.where(slow, tail, plain))
    for q in (0.5, 0.95, 0.99):
        assert merged.quantile(q) == pytest.approx(reference.quantile(q), rel=0.03)
