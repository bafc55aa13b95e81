"""The interval of a quantile at one look: reference ranks, its exact coverage, clusters, buckets."""

from __future__ import annotations

import logging
from math import exp, lgamma, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.error_correlation import ErrorCorrelation
from gates.stats.histogram import EMPTY, Histogram
from gates.stats.quantile_interval import COVERAGE, interval, quantile_ranks
from tests.gates.stats.clusters import clustered

LOG = logging.getLogger("simulation")
LONGEST_MS = 256_000.0


@pytest.mark.parametrize(
    ("total", "q", "phi", "expected"),
    [
        (0, 0.5, 1.0, (None, None)),
        (5, 0.5, 1.0, (None, None)),
        (10, 0.99, 1.0, (9, None)),
        (20, 0.95, 1.0, (17, None)),
        (1_000, 0.5, 1.0, (469, 532)),
        (1_000, 0.95, 1.0, (936, 965)),
        (1_000, 0.99, 1.0, (983, 998)),
        (1_000, 0.95, 0.3, (936, 965)),
        (1_000, 0.95, 9.0, (909, 992)),
        (30_000, 0.99, 1.0, (29_666, 29_735)),
        (60_000, 0.95, 3.7, (56_798, 57_203)),
    ],
)
def test_ranks_have_the_reference_values(
    total: int, q: float, phi: float, expected: tuple[int | None, int | None]
) -> None:
    """The order statistics between which the quantile lies."""
    assert quantile_ranks(total, q, phi) == expected


def coverage(total: int, q: float, phi: float = 1.0) -> float:
    """The exact probability that a binomial number of requests at or below the quantile keeps it within the ranks."""
    low, high = quantile_ranks(total, q, phi)
    least, most = low or 0, total if high is None else high - 1
    return sum(
        exp(lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) + k * log(q) + (total - k) * log(1.0 - q))
        for k in range(least, most + 1)
    )


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_independent_requests_are_covered_at_each_number_of_them(q: float) -> None:
    """Exactly at least 95%, by every number from 20 to 400, and by steps of 7% from there to 30,000."""
    totals = [*range(20, 400), *(round(400 * 1.07**step) for step in range(64)), 30_000]
    found = {total: coverage(total, q) for total in totals}
    assert min(found.values()) >= COVERAGE
    assert coverage(30_000, q) < 0.956  # no wider than needed


def test_no_latencies_give_no_interval() -> None:
    """Nothing seen is not an interval from 0 to anything."""
    assert interval(EMPTY, 0.95) is None


def test_few_latencies_leave_the_interval_open() -> None:
    """One latency bounds nothing; ten give no upper end for p99, nor do those of which half are off the scale."""
    assert interval(Histogram.of([100.0]), 0.95) == (0.0, None)
    found = interval(Histogram.of([100.0] * 10), 0.99)
    assert found == (99.609375, None)
    beyond = interval(Histogram.of([100.0] * 500 + [2 * LONGEST_MS] * 500), 0.95)
    assert beyond is not None
    assert beyond[0] > 200_000.0
    assert beyond[1] is None


def test_ends_are_edges_of_buckets_outside_the_ranks() -> None:
    """The lower end is below the bucket that holds the lowest rank, the upper above that of the highest."""
    found = interval(Histogram.of([100.0] * 300 + [250.0] * 400 + [1000.0] * 300), 0.5)
    assert found == (250.0, 253.90625)
    lowest = interval(Histogram.of([0.001] * 500 + [0.002] * 500), 0.5)
    assert lowest is not None
    assert lowest[0] == 0.0
    assert lowest[1] == pytest.approx(0.06199, 1e-3)


@pytest.mark.parametrize("q", [0.0, 1.0, -0.5])
def test_what_is_no_quantile_is_refused(q: float) -> None:
    """An error of the caller."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval(Histogram.of([100.0]), q)


@given(
    st.lists(st.floats(0.0, 2 * LONGEST_MS), min_size=1, max_size=200),
    st.sampled_from([0.05, 0.5, 0.95, 0.99]),
    st.floats(1.0, 50.0),
)
def test_interval_holds_the_estimate(latencies: list[float], q: float, phi: float) -> None:
    """Whatever was seen, the estimate that is shown lies within the interval beside it, and phi only widens it."""
    histogram = Histogram.of(latencies)
    estimate, found, wider = histogram.quantile(q), interval(histogram, q), interval(histogram, q, phi)
    assert estimate is not None
    assert found is not None
    assert wider is not None
    assert wider[0] <= found[0] <= estimate
    assert found[1] is None or (estimate <= found[1] and (wider[1] is None or found[1] <= wider[1]))


WINDOW_S = 60
LOOK_S = 420
REQUESTS = {"candidate": 50, "baseline": 500}


@pytest.mark.slow
@pytest.mark.parametrize("q", [0.95, 0.99])
@pytest.mark.parametrize(
    ("phi", "length_s", "least"), [(1.0, 1, 0.95), (5.0, 1, 0.95), (5.0, 15, 0.93), (10.0, 15, 0.9), (10.0, 60, 0.75)]
)
def test_clusters_are_covered_with_the_phi_that_is_measured(q: float, phi: float, length_s: int, least: float) -> None:
    """One look after seven minutes, when the prior of phi has ended; what phi = 1 covers is logged beside it.

    Only how many requests are at or below the true quantile matters, so no latencies are drawn.
    """
    rng, runs = np.random.default_rng(19), 300
    covered = dict.fromkeys(((name, known) for name in REQUESTS for known in ("measured", "phi 1")), 0)
    for _ in range(runs):
        events = {name: rng.poisson(rps, LOOK_S + length_s) for name, rps in REQUESTS.items()}
        slow = {name: clustered(rng, known, 1.0 - q, phi, length_s) for name, known in events.items()}
        correlation = ErrorCorrelation(1.0)
        for bad, number in zip(slow["baseline"], events["baseline"][length_s:], strict=True):
            correlation.add_pane(int(bad), int(number))
        for name in REQUESTS:
            total = int(events[name][-WINDOW_S:].sum())
            at_most = total - int(slow[name][-WINDOW_S:].sum())
            for known, used in (("measured", correlation.phi), ("phi 1", 1.0)):
                low, high = quantile_ranks(total, q, used)
                covered[name, known] += (low or 0) <= at_most < (total + 1 if high is None else high)
    shares = {f"{name} by {known}": round(number / runs, 3) for (name, known), number in covered.items()}
    LOG.info("p%g, clusters of phi %g over %d s: %s", 100 * q, phi, length_s, shares)
    for name in REQUESTS:
        assert covered[name, "measured"] / runs >= least - 3.1 * sqrt(least * (1.0 - least) / runs)
