"""The quantile's confidence sequence: reference values, and that it covers the truth at every number of latencies."""

from math import comb, exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.stats.histogram import EMPTY, Histogram
from gates.stats.quantile_sequence import concentration, interval, log_evidence, rank_bounds

LONGEST_MS = 256_000.0


def test_evidence_has_the_reference_value() -> None:
    """930 of 1000 at most a value, against its being the 95 % quantile."""
    kappa = concentration(0.95, 0.05, 1_000)
    assert kappa == pytest.approx(125.0056098, rel=1e-9)
    assert log_evidence(930, 1_000, 0.95, kappa) == pytest.approx(2.1309045142558602, rel=1e-9)


@pytest.mark.parametrize(("at_most", "rest", "expected"), [(30, 1_000, 9.97271185231991), (8, 200, 2.6278829482516595)])
def test_evidence_is_the_two_sided_beta_mixture(at_most: int, rest: int, expected: float) -> None:
    """The closed form for a constant share of 1 % and concentration 100."""
    assert log_evidence(at_most, at_most + rest, 0.01, 100.0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("total", "q", "expected"),
    [(10_000, 0.95, (9433, 9564)), (10_000, 0.5, (4849, 5151)), (1_000, 0.95, (923, 975))],
)
def test_ranks_have_the_reference_values(total: int, q: float, expected: tuple[int, int]) -> None:
    """The ranks between which a quantile lies."""
    assert rank_bounds(total, q, 0.05, 10_000) == expected


@pytest.mark.parametrize(("total", "low", "high"), [(100_000, 0.94775, 0.95221), (1_000_000, 0.949222, 0.950773)])
def test_rank_bands_shrink_as_in_the_reference(total: int, low: float, high: float) -> None:
    """A hundred times the latencies: a tenth of the width, for more than the planned number too."""
    fewest, most = rank_bounds(total, 0.95, 0.05, 10_000)
    assert [fewest / total, most / total] == pytest.approx([low, high], abs=1.1e-6)


@pytest.mark.parametrize("q", [0.05, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("total", [1, 2, 7, 60, 300])
def test_evidence_has_expectation_one_and_one_valley(q: float, total: int) -> None:
    """Over every outcome the expectation is exactly 1, and the ranks kept are all between the two bounds."""
    kappa = concentration(q, 0.05, 100)
    evidence = [log_evidence(k, total, q, kappa) for k in range(total + 1)]
    chances = [(log(comb(total, k)) + k * log(q) + (total - k) * log(1.0 - q)) for k in range(total + 1)]
    assert sum(exp(c + e) for c, e in zip(chances, evidence, strict=True)) == pytest.approx(1.0, rel=1e-9)
    kept = [k for k, against in enumerate(evidence) if against < log(20.0)]
    assert kept == list(range(kept[0], kept[-1] + 1))
    assert rank_bounds(total, q, 0.05, 100) == (kept[0], kept[-1])


def test_no_latencies_give_no_interval() -> None:
    """Nothing seen is not an interval from 0 to anything."""
    assert interval(EMPTY, 0.95, 0.05, 1_000) is None


def test_few_latencies_leave_the_interval_open() -> None:
    """One latency bounds nothing; ten give no upper end for p99, nor do those of which half are off the scale."""
    assert interval(Histogram.of([100.0]), 0.95, 0.05, 1_000) == (0.0, None)
    found = interval(Histogram.of([100.0] * 10), 0.99, 0.05, 1_000)
    assert found is not None
    assert found[1] is None
    beyond = interval(Histogram.of([100.0] * 500 + [2 * LONGEST_MS] * 500), 0.95, 0.05, 1_000)
    assert beyond is not None
    assert beyond[0] > 200_000.0
    assert beyond[1] is None


def test_ends_are_edges_of_buckets_outside_the_ranks() -> None:
    """The lower end is below the bucket that holds the lowest rank kept, the upper above that of the highest."""
    found = interval(Histogram.of([100.0] * 300 + [250.0] * 400 + [1000.0] * 300), 0.5, 0.05, 1_000)
    assert found == (250.0, 253.90625)
    lowest = interval(Histogram.of([0.001] * 500 + [0.002] * 500), 0.5, 0.05, 1_000)
    assert lowest is not None
    assert lowest[0] == 0.0
    assert lowest[1] == pytest.approx(0.06199, 1e-3)


@pytest.mark.parametrize(
    ("q", "alpha", "t_opt"), [(0.0, 0.05, 10.0), (1.0, 0.05, 10.0), (0.5, 1.0, 10.0), (0.5, 0.05, 0)]
)
def test_arguments_out_of_range_are_refused(q: float, alpha: float, t_opt: float) -> None:
    """What is no quantile, no probability or no number of latencies is an error of the caller."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval(Histogram.of([100.0]), q, alpha, t_opt)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.0, 2 * LONGEST_MS), min_size=1, max_size=200), st.sampled_from([0.05, 0.5, 0.95, 0.99]))
def test_interval_holds_the_estimate(latencies: list[float], q: float) -> None:
    """Whatever was seen, the estimate that is shown lies within the interval beside it, and alpha only widens it."""
    histogram = Histogram.of(latencies)
    estimate, found, wider = (
        histogram.quantile(q),
        interval(histogram, q, 0.05, 1_000),
        interval(histogram, q, 0.001, 1_000),
    )
    assert estimate is not None
    assert found is not None
    assert wider is not None
    assert wider[0] <= found[0] <= estimate
    assert found[1] is None or (estimate <= found[1] and (wider[1] is None or found[1] <= wider[1]))


@pytest.mark.slow
@pytest.mark.parametrize(("q", "normal"), [(0.5, 0.0), (0.95, 1.6448536269514722), (0.99, 2.3263478740408408)])
def test_truth_is_covered_at_all_times_at_once(q: float, normal: float) -> None:
    """Lognormal latencies, looked at every fifty: the true quantile is ever missed at most at alpha."""
    rng, runs, truth, missed = np.random.default_rng(3), 200, 100.0 * exp(0.5 * normal), 0
    for _ in range(runs):
        known, miss = EMPTY, False
        for _ in range(100):
            known = known.merge(Histogram.of(100.0 * np.exp(0.5 * rng.standard_normal(50))))
            found = interval(known, q, 0.05, 1_000)
            miss = miss or found is None or found[0] > truth or (found[1] is not None and found[1] < truth)
        missed += miss
    assert missed <= runs * 0.05 + 3.1 * sqrt(runs * 0.05 * 0.95)
