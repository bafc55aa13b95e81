"""The ratio's confidence sequence: reference values, and that it covers the truth at every pane at once."""

import json
import logging
from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.stats.error_correlation import ErrorCorrelation
from gates.stats.pane_counts import PaneCounts
from gates.stats.ratio_interval import RATIOS, RatioInterval
from tests.gates.stats.clusters import Counts, clustered

LOG = logging.getLogger("simulation")

REFERENCE = (
    PaneCounts(0, 1, 10, 990),
    PaneCounts(2, 1, 12, 985),
    PaneCounts(1, 0, 9, 1003),
    PaneCounts(3, 9, 100, 9900),
)


def of(*panes: PaneCounts) -> RatioInterval:
    """Return the sequence after these panes."""
    interval = RatioInterval()
    for pane in panes:
        interval.add_counts(pane)
    return interval


def test_interval_has_the_reference_values() -> None:
    """Four panes give the reference's interval; its evidence against 1 lies between two points of the grid."""
    interval = of(*REFERENCE)
    against_one = float(np.interp(0.0, np.log(RATIOS), interval.log_evidence()))
    assert against_one == pytest.approx(14.572496053457474, rel=1e-9)
    assert interval.interval(0.05) == pytest.approx((8.337387669406711, 52.605359837907635, RATIOS[-1]), rel=1e-9)


def test_nothing_is_known_before_an_error() -> None:
    """Without an error, or without traffic to compare with, there is no interval rather than an empty one."""
    assert RatioInterval().interval(0.05) is None
    assert of(PaneCounts(0, 0, 100, 900), PaneCounts(0, 7, 0, 500), PaneCounts(2, 0, 10, 0)).interval(0.05) is None


def test_interval_is_open_where_only_one_cohort_fails() -> None:
    """Errors of the candidate alone bound the ratio from below only, those of the baseline alone from above only."""
    worse = of(*[PaneCounts(1, 0, 50, 50)] * 20).interval(0.05)
    better = of(*[PaneCounts(0, 1, 50, 50)] * 20).interval(0.05)
    assert worse is not None
    assert better is not None
    assert worse.lower > 1.0
    assert worse.estimate == worse.upper == RATIOS[-1]
    assert better.upper < 1.0
    assert better.estimate == better.lower == RATIOS[0]


def test_a_smaller_alpha_gives_a_wider_interval() -> None:
    """Being surer costs width."""
    interval = of(*[PaneCounts(2, 10, 100, 1000)] * 20)
    sure, surer = interval.interval(0.05), interval.interval(0.001)
    assert sure is not None
    assert surer is not None
    assert surer.lower < sure.lower < 1.0 * sure.estimate < sure.upper < surer.upper


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_alpha_is_a_probability(alpha: float) -> None:
    """An alpha that promises nothing, or too much, is refused."""
    with pytest.raises(ValueError, match="alpha"):
        RatioInterval().interval(alpha)


@pytest.mark.parametrize("index", [150, 170, 200, 230])
def test_evidence_against_the_truth_has_expectation_at_most_one(index: int) -> None:
    """Summed over every outcome of one pane, at each base rate: the mixture is an e-value at the true ratio."""
    n_c, n_b = 6, 20
    factors = np.array(
        [
            [exp(of(PaneCounts(s_c, s_b, n_c, n_b)).log_evidence()[index]) for s_b in range(n_b + 1)]
            for s_c in range(n_c + 1)
        ]
    )
    for p_b in (1e-4, 0.01, 0.05, 0.2):
        p_c = RATIOS[index] * p_b
        if p_c <= 1.0:
            assert float(binomial(n_c, p_c) @ factors @ binomial(n_b, p_b)) <= 1.0 + 1e-12


def binomial(n: int, p: float) -> np.ndarray:
    """Return the probabilities of 0..n successes, one trial convolved after the other."""
    chances = np.array([1.0])
    for _ in range(n):
        chances = np.convolve(chances, [1.0 - p, p])
    return chances


panes = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 50), st.integers(0, 500)).map(
        lambda drawn: PaneCounts(min(drawn[0], drawn[2]), min(drawn[1], drawn[3]), drawn[2], drawn[3])
    ),
    max_size=20,
)


@settings(max_examples=30, deadline=None)
@given(panes, st.integers(0, 20))
def test_snapshot_continues_bit_for_bit(drawn: list[PaneCounts], cut: int) -> None:
    """A sequence that went through JSON in the middle ends with the very same bits, its estimate inside."""
    straight, after = of(*drawn), RatioInterval()
    after.load(json.loads(json.dumps(of(*drawn[:cut]).dump(), allow_nan=False)))
    for pane in drawn[cut:]:
        after.add_counts(pane)
    assert after.dump() == straight.dump()
    found = after.interval(0.05)
    assert found == straight.interval(0.05)
    assert found is None or RATIOS[0] <= found.lower <= found.estimate <= found.upper <= RATIOS[-1]


@pytest.mark.slow
def test_truth_is_covered_at_all_panes_at_once() -> None:
    """Ramp and drift, true ratio 2: ever missed at most at alpha, and as narrow as in the reference."""
    rng, runs, second = np.random.default_rng(7), 150, np.arange(900)
    share = np.select([second < 300, second < 600], [0.01, 0.05], 0.10)
    base = 0.005 * (1.0 + 0.5 * np.sin(2.0 * np.pi * second / 300.0))
    missed, at_ten_minutes, at_the_end = 0, [], []
    for _ in range(runs):
        n_c = rng.binomial(1_000, share)
        s_c, s_b = rng.binomial(n_c, 2.0 * base), rng.binomial(1_000 - n_c, base)
        interval, miss = RatioInterval(), False
        for pane in second:
            interval.add_counts(PaneCounts(int(s_c[pane]), int(s_b[pane]), int(n_c[pane]), 1_000 - int(n_c[pane])))
            found = interval.interval(0.05) if pane % 15 == 14 else None
            miss = miss or (found is not None and not found.lower <= 2.0 <= found.upper)
            if found is not None and pane == 599:
                at_ten_minutes.append(found)
            if found is not None and pane == 899:
                at_the_end.append(found)
        missed += miss
    assert missed <= runs * 0.05 + 3.1 * sqrt(runs * 0.05 * 0.95)
    ten, end = np.median(at_ten_minutes, axis=0), np.median(at_the_end, axis=0)
    assert [ten[0], ten[2]] == pytest.approx([1.45, 2.64], rel=0.15)
    assert [end[0], end[2]] == pytest.approx([1.59, 2.40], rel=0.15)


def ever_missed(bad: Counts, events: Counts, base_bad: Counts, base_events: Counts) -> bool:
    """Whether the truth, a ratio of 1, is outside at any look, every 10 s; phi is measured on the baseline."""
    interval, correlation, missed = RatioInterval(), ErrorCorrelation(1.0), False
    for second in range(len(bad)):
        correlation.add_pane(int(base_bad[second]), int(base_events[second]))
        if second % 10 == 9:
            block = slice(second - 9, second + 1)
            counts = [int(known[block].sum()) for known in (bad, base_bad, events, base_events)]
            interval.add_counts(PaneCounts(*counts), correlation.phi)
            found = interval.interval(0.05)
            missed = missed or (found is not None and not found.lower <= 1.0 <= found.upper)
    return missed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phi", "length_s", "most"), [(1.0, 1, 0.05), (5.0, 1, 0.05), (5.0, 15, 0.05), (10.0, 15, 0.05), (10.0, 60, 0.35)]
)
def test_clusters_of_less_than_half_a_minute_are_allowed_for(phi: float, length_s: int, most: float) -> None:
    """Half an hour, 0.5% errors, 50 and 950 requests a second: ever missed at most at alpha, if they are short."""
    rng, runs, missed = np.random.default_rng(2), 200, 0
    for _ in range(runs):
        events, base_events = (rng.poisson(rps, 1_800 + length_s) for rps in (50, 950))
        bad, base_bad = (clustered(rng, known, 0.005, phi, length_s) for known in (events, base_events))
        missed += ever_missed(bad, events[length_s:], base_bad, base_events[length_s:])
    LOG.info("clusters of phi %g over %d s: ever missed in %d of %d", phi, length_s, missed, runs)
    assert missed <= runs * most + 3.1 * sqrt(runs * most * (1.0 - most))
