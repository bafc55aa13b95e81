"""Proportions and quantiles with their intervals."""

import pytest

from streams.offline.simulation.estimates import Proportion, quantile


def test_proportions_have_wilsons_interval() -> None:
    """Values of Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    known = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (count, total), interval in known.items():
        assert Proportion(count, total).interval == pytest.approx(interval, abs=5e-5)
    low, high = Proportion(20, 20).interval
    assert low == pytest.approx(1 - 0.1611, abs=5e-5)
    assert high == 1.0


def test_proportions_have_clopper_and_pearsons_interval() -> None:
    """The ends are where the count is as rare as 2.5 of 100; both ends of the range have one end of their own."""
    known = {
        (81, 263): (0.2527, 0.3676),
        (15, 148): (0.0578, 0.1617),
        (0, 20): (0.0, 0.1684),
        (1, 29): (0.0009, 0.1776),
    }
    for (count, total), interval in known.items():
        assert Proportion(count, total).exact_interval == pytest.approx(interval, abs=5e-5)
    assert Proportion(20, 20).exact_interval == pytest.approx((1 - 0.1684, 1.0), abs=5e-5)


def test_quantiles_have_the_interval_of_order_statistics() -> None:
    """Tables of the sign test: of 20 times the 6th and 15th, of 6 the first and last, of 5 none."""
    found = quantile([float(time) for time in range(20, 0, -1)], 0.5)
    assert found is not None
    assert (found.value, found.interval) == (10.0, (6.0, 15.0))
    assert quantile([], 0.5) is None
    for total, interval in ((6, (1.0, 6.0)), (5, None)):
        known = quantile([float(time) for time in range(1, total + 1)], 0.5)
        assert known is not None
        assert known.interval == interval
