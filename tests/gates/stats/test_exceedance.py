"""Concurrent exceedance: reference values, that its factor is an e-value, and that it is as fast as promised."""

import json
from functools import cache
from math import comb, erf, exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.stats.exceedance import Exceedance, at_or_above, log_factor, scaled_down, scaled_up, threshold
from gates.stats.histogram import BUCKETS, EMPTY, Histogram, RunningHistogram, lower_edges
from gates.stats.mixture import START_BLOCK
from gates.stats.pane_counts import PaneCounts

QUIET = PaneCounts(0, 0, 0, 0)
EDGES = lower_edges(np.arange(BUCKETS + 1, dtype=np.int64))
TINY = 1e-12  # what rounding may add to an expectation


def binomial(n: int, p: float) -> np.ndarray:
    """Return the probabilities of 0..n successes."""
    return np.array([comb(n, k) * p**k * (1.0 - p) ** (n - k) for k in range(n + 1)])


def test_scaling_has_the_reference_values() -> None:
    """1.1 times the edge of bucket 768 is 275 ms: up to 277.3 ms, down to 273.4 ms."""
    assert EDGES[768] == 0.25
    assert (scaled_up(768, 1.1), float(EDGES[775])) == (775, 0.27734375)
    assert (scaled_down(768, 1.1), float(EDGES[774])) == (774, 0.2734375)


@given(st.integers(0, BUCKETS), st.floats(1.0, 100.0))
def test_scaling_rounds_to_the_side_on_which_evidence_is_lost(bucket: int, ratio: float) -> None:
    """Up is never below the ratio, down never above, and both are within a bucket of it; on an edge they agree."""
    up, down, wanted = scaled_up(bucket, ratio), scaled_down(bucket, ratio), float(EDGES[bucket]) * ratio
    if wanted <= EDGES[-1]:
        assert EDGES[up] >= wanted
        assert up == 0 or EDGES[up - 1] < wanted
    else:
        assert up == BUCKETS
    assert down == 0 or EDGES[down] <= wanted
    assert bucket == 0 or down == up or down == up - 1
    assert scaled_up(bucket, 1.0) == bucket


def test_what_is_faster_than_the_first_bucket_stays_in_it() -> None:
    """The first bucket's edge stands for 0: nothing in it is known to be slower than a multiple of it."""
    assert scaled_down(0, 3.0) == 0
    assert scaled_up(0, 3.0) > 0


def test_beyond_the_scale_nothing_exceeds_in_a_regression() -> None:
    """The last bucket holds whatever is slower: a threshold beyond it is reached by none, or for advance by all."""
    slow = Histogram.of([400_000.0])
    assert at_or_above(slow, scaled_up(BUCKETS - 1, 2.0)) == 0
    assert at_or_above(slow, scaled_down(BUCKETS - 1, 2.0)) == 1


def test_threshold_is_the_edge_nearest_to_the_quantile() -> None:
    """Of the edges around the quantile the one whose rate of exceedance is nearer to what the test expects."""
    fast, slow = [250.0], [1000.0]
    assert threshold(EMPTY, 0.95) is None
    assert threshold(Histogram.of(fast * 90 + slow * 10), 0.95) == 897  # 10 % or none: as near, so the upper
    assert threshold(Histogram.of(fast * 92 + slow * 8), 0.95) == 896
    assert threshold(Histogram.of(fast * 98 + slow * 2), 0.95) == 769
    assert threshold(Histogram.of(fast * 100), 0.95) == 769
    assert threshold(Histogram.of([400_000.0] * 10), 0.95) == BUCKETS


@given(st.lists(st.floats(0.0, 300_000.0), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_threshold_has_no_better_edge(latencies: list[float], quantile: float) -> None:
    """No edge of the histogram has a rate of exceedance nearer to `1 - quantile`."""
    window = Histogram.of(latencies)
    found = threshold(window, quantile)
    assert found is not None
    wanted = window.total * (1.0 - quantile)
    nearest = min(abs(at_or_above(window, bucket) - wanted) for bucket in [0, *(window.indices + 1).tolist()])
    assert abs(at_or_above(window, found) - wanted) == pytest.approx(nearest, abs=1e-9)


@given(st.lists(st.floats(0.0, 300_000.0), max_size=100), st.integers(0, BUCKETS))
def test_exceedances_are_counted_from_the_bucket_on(latencies: list[float], bucket: int) -> None:
    """The count is that of the latencies at or above the bucket's edge; all of them from the first bucket on."""
    edge = EDGES[bucket] if bucket else 0.0
    expected = sum(ms / 1000.0 >= edge for ms in latencies) if bucket < BUCKETS else 0
    assert at_or_above(Histogram.of(latencies), bucket) == expected


def test_factor_is_the_ratio_of_two_binomial_likelihoods() -> None:
    """Written out: both cohorts' counts under their own rates, over both under the pooled rate."""
    n_c, n_b, s_c, s_b, rate, effect = 50, 950, 9, 50, 0.05, 3.0
    pooled = (n_c * rate * effect + n_b * rate) / (n_c + n_b)
    apart = binomial(n_c, rate * effect)[s_c] * binomial(n_b, rate)[s_b]
    together = binomial(n_c, pooled)[s_c] * binomial(n_b, pooled)[s_b]
    assert log_factor(PaneCounts(s_c, s_b, n_c, n_b), effect, rate) == pytest.approx(log(apart / together), rel=1e-9)


@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
@pytest.mark.parametrize(("n_c", "n_b"), [(1, 1), (3, 17), (12, 30), (20, 5)])
def test_expectation_is_at_most_one_under_the_null(quantile: float, n_c: int, n_b: int) -> None:
    """Over all outcomes, for all `p_c <= p_b` whatever they are (for advance `>=`), and each effect of the grids."""
    rates = (0.0, 0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 0.99, 1.0)
    for process, worse in ((Exceedance.regression(quantile), True), (Exceedance.advance(quantile), False)):
        for effect in process.effects:
            factors = np.array(
                [
                    [exp(log_factor(PaneCounts(s_c, s_b, n_c, n_b), effect, 1.0 - quantile)) for s_b in range(n_b + 1)]
                    for s_c in range(n_c + 1)
                ]
            )
            expected = np.array([[binomial(n_c, p_c) @ factors @ binomial(n_b, p_b) for p_b in rates] for p_c in rates])
            within = np.triu(expected) if worse else np.tril(expected)
            assert within.max() <= 1.0 + TINY  # and 1 where both exceed at the pooled rate
            rate = 1.0 - quantile
            pooled = (n_c * min(effect * rate, 0.99) + n_b * rate) / (n_c + n_b)
            assert binomial(n_c, pooled) @ factors @ binomial(n_b, pooled) == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("counts", [PaneCounts(0, 7, 0, 500), PaneCounts(2, 0, 10, 0), QUIET])
def test_a_cohort_without_traffic_says_nothing(counts: PaneCounts) -> None:
    """Where either cohort had no request, the factor is 1 whatever the other did."""
    assert log_factor(counts, 3.0, 0.05) == 0.0
    process = Exceedance.regression(0.95, 3)
    for _ in range(START_BLOCK * 4):
        process.update(counts)
    assert process.get() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("quantile", "largest"), [(0.5, 1.9), (0.95, 19.0), (0.99, 64.0), (0.999, 64.0), (0.25, 0.95 / 0.75)]
)
def test_grids_are_the_reference_grids(quantile: float, largest: float) -> None:
    """Twelve effects each way: as large as the rate has room for, weighted by the inverse root; and uniform."""
    worse, better = Exceedance.regression(quantile), Exceedance.advance(quantile)
    assert worse.effects == pytest.approx(np.geomspace(1.1, largest, 12).tolist())
    assert np.array(worse.weights) / worse.weights[0] == pytest.approx((np.array(worse.effects) / 1.1) ** -0.5)
    assert better.effects == pytest.approx((1.0 / np.geomspace(1.05, 5.0, 12)).tolist())
    assert better.weights == (1.0 / 12,) * 12
    assert sum(worse.weights) == pytest.approx(1.0)


@pytest.mark.parametrize("quantile", [0.0, 0.1, 0.2499, 1.0, float("nan")])
def test_a_quantile_without_room_to_grow_is_refused(quantile: float) -> None:
    """Where almost everything exceeds already, there is no alternative to bet on."""
    with pytest.raises(ValueError, match="quantile"):
        Exceedance.regression(quantile)
    with pytest.raises(ValueError, match="quantile"):
        Exceedance.advance(quantile)


def slow_counts(drawn: tuple[int, int, int, int]) -> PaneCounts:
    """Return counts of which no more exceed than there are."""
    return PaneCounts(min(drawn[0], drawn[2]), min(drawn[1], drawn[3]), drawn[2], drawn[3])


panes = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 300), st.integers(0, 60), st.integers(0, 300)).map(slow_counts),
    max_size=80,
)


@settings(max_examples=50, deadline=None)
@given(panes, st.integers(0, 80), st.sampled_from([None, 1, 2, 40]), st.sampled_from([0.5, 0.95, 0.99]))
def test_snapshot_continues_bit_for_bit(drawn: list[PaneCounts], cut: int, blocks: int | None, quantile: float) -> None:
    """A process that went through JSON in the middle ends with the very same bits, and a finite value."""
    straight, before, after = (Exceedance.regression(quantile, blocks) for _ in range(3))
    for counts in drawn:
        straight.update(counts)
    for counts in drawn[:cut]:
        before.update(counts)
    after.load(json.loads(json.dumps(before.dump(), allow_nan=False)))
    for counts in drawn[cut:]:
        after.update(counts)
    assert after.dump() == straight.dump()
    assert after.get() == straight.get()
    assert 0.0 <= straight.get() < inf


# Simulated latencies: 97 % lognormal around 100 ms, 3 % around 400 ms; 1000 requests a pane, as in the reference.


@cache
def chances(slower: float) -> np.ndarray:
    """Return the probability of each bucket when everything takes `slower` times as long."""
    below = np.zeros(BUCKETS + 1)
    for bucket, edge in enumerate(EDGES[1:-1] / slower, start=1):
        parts = [
            0.5 + 0.5 * erf(log(edge / middle) / (spread * sqrt(2.0))) for middle, spread in ((0.1, 0.5), (0.4, 0.4))
        ]
        below[bucket] = 0.97 * parts[0] + 0.03 * parts[1]
    below[-1] = 1.0
    return np.diff(below)


def panes_until(
    rng: np.random.Generator,
    process: Exceedance,
    ratio: float,
    *,
    share: float,
    slower: float,
    limit: float,
    tide: tuple[float, ...] = (1.0,),
    most: int = 600,
) -> float:
    """Return the panes until the e-value reaches `limit`; `tide` slows both cohorts, each value for 30 panes."""
    scaled = scaled_up if process.effects[0] > 1.0 else scaled_down
    window, past = RunningHistogram(), []
    for pane in range(-60, most):
        now = tide[pane // 30 % len(tide)]
        n_c = int(rng.binomial(1_000, share))
        candidate = Histogram.from_dense(rng.multinomial(n_c, chances(now * slower)))
        baseline = Histogram.from_dense(rng.multinomial(1_000 - n_c, chances(now)))
        bucket = threshold(window.get(), process.quantile)
        if pane >= 0 and bucket is not None:
            slow = at_or_above(candidate, scaled(bucket, ratio)), at_or_above(baseline, bucket)
            process.update(PaneCounts(*slow, candidate.total, baseline.total))
            if process.get() >= limit:
                return pane + 1
        window.add(baseline)
        past.append(baseline)
        if len(past) > 60:
            window.remove(past.pop(0))
    return inf


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quantile", "slower", "ratio", "share", "median"),
    [
        (0.5, 1.2, 1.1, 0.01, 76.0),
        (0.95, 1.2, 1.0, 0.05, 14.0),
        (0.95, 1.5, 1.1, 0.01, 17.0),
        (0.99, 1.5, 1.1, 0.05, 20.0),
    ],
)
def test_slow_candidate_is_found_as_fast_as_in_the_reference(
    quantile: float, slower: float, ratio: float, share: float, median: float
) -> None:
    """The median delay to E of 100 is the reference's within 15 %."""
    rng = np.random.default_rng(41)
    delays = [
        panes_until(rng, Exceedance.regression(quantile), ratio, share=share, slower=slower, limit=100.0)
        for _ in range(300)
    ]
    assert np.median(delays) == pytest.approx(median, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("quantile", "share", "median"), [(0.5, 0.01, 10.0), (0.95, 0.05, 18.0)])
def test_good_candidate_is_proven_as_fast_as_in_the_reference(quantile: float, share: float, median: float) -> None:
    """The median delay to E of 20 for advance, at a ratio of 1.2, is the reference's within 15 %."""
    rng = np.random.default_rng(42)
    delays = [
        panes_until(rng, Exceedance.advance(quantile), 1.2, share=share, slower=1.0, limit=20.0) for _ in range(300)
    ]
    assert np.median(delays) == pytest.approx(median, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
@pytest.mark.parametrize(("regression", "slower"), [(True, 1.0), (True, 1.1), (False, 1.2)])
def test_false_alarms_stay_below_alpha(quantile: float, regression: bool, slower: float) -> None:
    """On the boundary of the null, or with equal cohorts, under a common tide: at most alpha, by a binomial bound."""
    rng, runs, alpha = np.random.default_rng(43), 80, 0.05
    make = Exceedance.regression if regression else Exceedance.advance
    tide = (1.0, 1.15, 1.3, 1.15, 2.0, 2.0, 1.0, 0.85, 0.7, 0.85)
    alarms = sum(
        panes_until(rng, make(quantile), slower, share=0.05, slower=slower, limit=1 / alpha, tide=tide, most=300) < inf
        for _ in range(runs)
    )
    assert alarms <= runs * alpha + 3.1 * sqrt(runs * alpha * (1.0 - alpha))
