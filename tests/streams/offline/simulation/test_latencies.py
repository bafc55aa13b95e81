"""Histograms of simulated latencies."""

import numpy as np
import pytest

from gates.stats.histogram import BUCKETS, Histogram
from streams.offline.simulation.latencies import (
    MANY,
    TAIL_MEDIAN,
    TAIL_SPREAD,
    LatencyProfile,
    draw,
    draw_into,
    draw_waiting,
)


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


def test_latencies_in_whole_milliseconds() -> None:
    """As a proxy's log has them: few different ones, and the same quantiles otherwise."""
    rng = np.random.default_rng(3)
    found = draw(LatencyProfile(median_ms=2, spread=0.4, tail=0.0, rounded_ms=1), 100_000, rng)
    reference = Histogram.of(np.round(rng.lognormal(np.log(2.0), 0.4, 100_000)))
    assert set(found.indices.tolist()) <= {0, *Histogram.of(np.arange(1.0, 15.0)).indices.tolist()}
    for q in (0.1, 0.5, 0.95):
        assert found.quantile(q) == reference.quantile(q)


def test_some_latencies_are_zero() -> None:
    """They lie in the lowest bucket."""
    found = draw(LatencyProfile(zeros=0.8), 100_000, np.random.default_rng(3))
    assert found.indices[0] == 0
    assert found.counts[0] == pytest.approx(80_000, abs=800)


@pytest.mark.parametrize("requests", [0, MANY - 1, 100_000])
def test_draws_add_up(requests: int) -> None:
    """On top of what was there; those that wait do so for a uniform part of the longest wait."""
    dense, rng = np.zeros(BUCKETS, dtype=np.int64), np.random.default_rng(3)
    draw_into(dense, LatencyProfile(), requests, rng)
    assert dense.sum() == requests
    draw_waiting(dense, LatencyProfile(median_ms=1), requests, 1_000.0, rng)
    assert dense.sum() == 2 * requests
    if requests > MANY:
        waiting = np.zeros(BUCKETS, dtype=np.int64)
        draw_waiting(waiting, LatencyProfile(median_ms=1), requests, 1_000.0, rng)
        assert Histogram.from_dense(waiting).quantile(0.5) == pytest.approx(502, rel=0.03)
