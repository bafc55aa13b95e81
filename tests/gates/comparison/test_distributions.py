"""Scales of quantiles: latencies and the values of a metric, of which larger is always worse."""

from __future__ import annotations

import doctest
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.comparison import distributions
from gates.comparison.distributions import Latencies, MetricValues, Scale
from gates.panes import Cell
from gates.stats.value_counts import bucket_of, lower_edge
from gates.windows import CohortWindow
from tests.gates.pane_builders import T0, cell


def window_of(cells: Cell) -> CohortWindow:
    """A minute with this cell in its last second."""
    window = CohortWindow(60_000)
    window.push(T0, T0 + 1_000, cells)
    return window


def values(*numbers: float) -> Cell:
    """A cell with these values of the metric `cost`."""
    return cell(len(numbers), metrics={"cost": list(numbers)})


LOWER = MetricValues("cost", 0.5, 8.0, higher_is_better=False)
HIGHER = MetricValues("cost", 0.5, 8.0, higher_is_better=True)


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(distributions).failed == 0


@pytest.mark.parametrize(
    ("scale", "cells"), [(Latencies(0.5, 100), cell(40)), (LOWER, values(*[2.0] * 40)), (HIGHER, values(*[2.0] * 40))]
)
def test_a_threshold_needs_values_beyond_it(scale: Scale, cells: Cell) -> None:
    """With fewer than asked for there is none; with as many, no value is beyond the worst bucket."""
    window = window_of(cells)
    assert scale.total(window) == scale.total(cells) == 40
    assert scale.threshold(window, 21) is None
    assert scale.threshold(window, 20) is not None
    assert scale.at_or_above(cells, scale.highest(window)) == 40
    assert scale.at_or_above(cells, scale.highest(window) + 1) == 0


def test_without_a_limit_nothing_is_beyond_it() -> None:
    """For both kinds of values."""
    assert Latencies(0.5, None).beyond_limit(cell(5, latency_ms=1e6)) == 0
    assert MetricValues("cost", 0.5, None, higher_is_better=False).beyond_limit(values(1e9)) == 0


def test_the_bad_side_of_a_limit() -> None:
    """Slower than a latency, more than a metric, or less where higher is better; on the limit is within."""
    assert Latencies(0.5, 100).beyond_limit(cell(5, latency_ms=200.0)) == 5
    assert Latencies(0.5, 100).beyond_limit(cell(5, latency_ms=100.0)) == 0
    assert (LOWER.beyond_limit(values(4.0, 8.0, 9.0)), HIGHER.beyond_limit(values(4.0, 8.0, 9.0))) == (1, 1)


def test_where_higher_is_better_the_scale_is_mirrored() -> None:
    """The small values become the worst ones, and a low quantile a high one."""
    scale = MetricValues("cost", 0.1, None, higher_is_better=True)
    assert isclose(scale.quantile, 0.9)
    window = window_of(values(1.0, 5.0, 9.0))
    assert scale.highest(window) == -bucket_of(1.0)
    assert (scale.beyond, scale.allowance(2.0, "stable")) == ("less", "1/2 of stable's p10 of cost")
    assert (LOWER.beyond, LOWER.allowance(2.0, "stable")) == ("more", "2 times stable's p50 of cost")
    assert Latencies(0.95, None).allowance(1.2, "stable") == "1.2 times stable's p95"


@given(st.floats(1e-6, 1e9), st.sampled_from([-1.0, 1.0]), st.floats(1.0, 4.0))
def test_each_test_rounds_to_its_own_side(size: float, sign: float, ratio: float) -> None:
    """Up for the regression, down for the advance: rounding never helps against the null, so both stay valid."""
    bucket = bucket_of(sign * size)
    up, down = LOWER.scaled_up(bucket, ratio), LOWER.scaled_down(bucket, ratio)
    edge = lower_edge(bucket)
    wanted = edge * ratio if edge > 0.0 else edge / ratio
    assert lower_edge(down) <= wanted <= lower_edge(up)
    assert up - down <= 1
    assert (HIGHER.scaled_up(bucket, ratio), HIGHER.scaled_down(bucket, ratio)) == (up, down)


def test_an_empty_window_has_no_threshold() -> None:
    """Not even where no values are asked for beyond it; and no bucket of it has any value."""
    assert LOWER.holding(CohortWindow(60_000)) == 0
    assert LOWER.threshold(CohortWindow(60_000), 0) is None
