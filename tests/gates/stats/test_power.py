"""Growth of evidence: against delays that were simulated and predicted independently."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.cluster_prior import ClusterPrior
from gates.stats.power import (
    Traffic,
    advance_growth,
    error_growth,
    latency_growth,
    median_time,
    smallest_effect,
    time_with_dispersion,
)

TRAFFIC = st.builds(Traffic, st.floats(1.0, 1e6), st.floats(0.001, 0.9))


@pytest.mark.parametrize(
    ("ratio", "share", "base", "times", "seconds"),
    [
        (1.0, 0.01, 0.001, 2, 1601),
        (1.0, 0.01, 0.001, 5, 154),
        (1.0, 0.05, 0.01, 2, 33.8),
        (1.25, 0.01, 0.001, 2, 3261),
        (1.25, 0.01, 0.001, 5, 196),
        (1.25, 0.05, 0.001, 2, 693),
        (1.25, 0.1, 0.01, 2, 37),
        (1.25, 0.1, 0.01, 5, 2.4),
    ],
)
def test_predicts_the_delay(ratio: float, share: float, base: float, times: float, seconds: float) -> None:
    """Median seconds to an e-value of 100 at 1,000 requests a second, as predicted beside simulations of the test."""
    growth = error_growth(Traffic(1000.0, share), base, times, ratio)
    assert median_time(growth, 100.0) == pytest.approx(seconds, rel=0.02)


@pytest.mark.parametrize(
    ("share", "base", "seconds"), [(0.01, 0.001, 68), (0.01, 0.01, 159), (0.05, 0.001, 14), (0.05, 0.01, 39)]
)
def test_predicts_the_advance(share: float, base: float, seconds: float) -> None:
    """Seconds until an equal candidate passes, against simulated medians: good to a third."""
    growth = advance_growth(Traffic(1000.0, share), base, 1.25)
    assert 2.9957 / growth == pytest.approx(seconds, rel=0.34)


@pytest.mark.parametrize(("times", "ratio", "share", "seconds"), [(1.2, 1.0, 0.01, 61), (1.5, 1.1, 0.01, 17)])
def test_predicts_the_latency_delay(times: float, ratio: float, share: float, seconds: float) -> None:
    """Median seconds for p95, against simulated medians with a slow tail: good to a third."""
    growth = latency_growth(Traffic(1000.0, share), 0.95, times, ratio)
    assert median_time(growth, 100.0) == pytest.approx(seconds, rel=0.34)


@given(TRAFFIC, st.floats(1e-5, 0.05), st.floats(1.0, 3.0), st.floats(1.0, 20.0))
def test_more_of_everything_is_seen_sooner(traffic: Traffic, base: float, ratio: float, times: float) -> None:
    """Twice the traffic gives twice the evidence; a larger effect never less; what the ratio allows none."""
    growth = error_growth(traffic, base, times, ratio)
    assert growth >= 0.0
    assert error_growth(Traffic(2.0 * traffic.rps, traffic.share), base, times, ratio) == pytest.approx(2.0 * growth)
    assert error_growth(traffic, base, times * 1.5, ratio) >= growth
    assert error_growth(traffic, base, ratio, ratio) == 0.0


def test_without_growth_nothing_is_seen() -> None:
    """No evidence, no end: and no effect that is seen within any time."""
    assert median_time(0.0, 100.0) == inf
    assert smallest_effect({2.0: inf, 3.0: 6_000.0}, within_s=60.0) is None
    assert smallest_effect({2.0: inf, 3.0: 6.0, 4.0: 3.0}, within_s=60.0) == 3.0


def test_the_prior_takes_time_until_it_is_gone() -> None:
    """By hand: 8 alone for the first block, then with an estimate of 1 that weighs as much, then the estimate."""
    prior = ClusterPrior(weight=1, until=2)
    assert time_with_dispersion(0.1, 1.0, 1.0, prior) == pytest.approx(0.8)
    assert time_with_dispersion(1.0 / 8.0 + 0.1, 1.0, 1.0, prior) == pytest.approx(1.0 + 4.5 * 0.1)
    assert time_with_dispersion(1.0 / 8.0 + 1.0 / 4.5 + 7.0, 1.0, 1.0, prior) == pytest.approx(2.0 + 7.0)
    assert time_with_dispersion(1.0 / 8.0 + 1.0 / 4.5 + 7.0, 4.0, 1.0, prior) > 4.0 * 7.0
    assert time_with_dispersion(inf, 1.0, 1.0, prior) == inf
    assert time_with_dispersion(5.0, 4.0, 0.0, prior) == pytest.approx(5.0 * 5.0)
