"""The mixture: that its weights and starting times make one e-process, and that a late change is found in time."""

import json
from math import exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.stats.error_share import REGRESSION_EFFECTS, ErrorShare
from gates.stats.mixture import (
    START_BLOCK,
    Mixture,
    finite_exp,
    inverse_root_weights,
    log_add,
    log_mean,
    start_prior,
    uniform_weights,
)
from gates.stats.pane_counts import PaneCounts


def test_weights_are_the_reference_weights_and_sum_to_one() -> None:
    """Weights fall with the root of the effect, or are all the same."""
    weights = inverse_root_weights(REGRESSION_EFFECTS)
    assert [weights[0], weights[19]] == pytest.approx([0.11495980178557123, 0.015071357162074238], rel=1e-9)
    assert sum(weights) == pytest.approx(1.0, abs=1e-14)
    assert uniform_weights((0.5,) * 8) == (0.125,) * 8


@pytest.mark.parametrize("blocks", [None, 1, 3])
def test_value_is_the_prior_mean_over_effects_and_starts(blocks: int | None) -> None:
    """The e-value is that of the formula, summed term by term: mass, times the product of factors from the start on."""
    weights, panes = (0.25, 0.75), START_BLOCK * 4
    rng = np.random.default_rng(1)
    factors = np.exp(rng.normal(0.0, 0.1, size=(panes, 2)))
    mixture = Mixture(weights, blocks)
    for pane in factors:
        mixture.update([log(factor) for factor in pane])
    masses = [start_prior(tick, blocks) if blocks else float(tick == 0) for tick in range(panes)]
    plain = 1.0 - sum(masses)
    for start, mass in enumerate(masses):
        plain += mass * float(np.prod(factors[start:], axis=0) @ np.array(weights))
    assert mixture.get() == pytest.approx(plain, rel=1e-9)


def test_late_starts_bet_nothing_before_they_start() -> None:
    """Evidence lost before a start is not lost to it: half of the mass, less a block, is still there."""
    mixture = Mixture((1.0,), blocks=10)
    for _ in range(START_BLOCK):
        mixture.update([-5.0])
    assert mixture.get() == pytest.approx(0.45, rel=1e-9)
    for _ in range(START_BLOCK):
        mixture.update([5.0])
    assert mixture.get() > 0.05 * exp(5.0 * START_BLOCK)


def test_there_must_be_one_factor_for_each_weight() -> None:
    """Grids that differ are an error."""
    with pytest.raises(ValueError, match="zip"):
        Mixture((0.5, 0.5)).update([0.0])


def test_logarithms_add_without_overflow() -> None:
    """Sums of exponentials hold where the exponentials themselves would not."""
    assert log_add(2_000.0, 2_000.0) == pytest.approx(2_000.0 + log(2.0))
    assert log_add(-inf, -inf) == -inf
    assert log_mean((0.5, 0.5), (-inf, -inf)) == -inf
    assert log_mean((0.5, 0.5), (-inf, -inf), 0.25) == pytest.approx(log(0.25))
    assert finite_exp(-inf) == 0.0
    assert finite_exp(5_000.0) < inf


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.none() | st.tuples(st.floats(-50, 50), st.floats(-50, 50)), max_size=80),
    st.integers(0, 80),
    st.sampled_from([None, 1, 2, 40]),
)
def test_snapshot_continues_bit_for_bit(panes: list[tuple[float, float] | None], cut: int, blocks: int | None) -> None:
    """A mixture that went through JSON in the middle ends with the very same bits, and a finite value."""
    straight, before, after = (Mixture((0.25, 0.75), blocks) for _ in range(3))
    for pane in panes:
        straight.update(pane)
    for pane in panes[:cut]:
        before.update(pane)
    after.load(json.loads(json.dumps(before.dump(), allow_nan=False)))
    for pane in panes[cut:]:
        after.update(pane)
    assert after.dump() == straight.dump()
    assert after.get() == straight.get()
    assert 0.0 <= straight.get() < inf


def delay(rng: np.random.Generator, change_at: int, times_worse: float) -> float:
    """Return the panes from the change until E reaches 100; negative for an alarm before it.

    1000 requests a pane, 5 % of them the candidate's, base rate 0.1 %, as in the reference's table.
    """
    panes = change_at + 2_000
    n_c = rng.binomial(1_000, 0.05, size=panes)
    s_b = rng.binomial(1_000 - n_c, 0.001)
    s_c = rng.binomial(n_c, np.where(np.arange(panes) < change_at, 0.001, 0.001 * times_worse))
    process = ErrorShare.regression(1.0, blocks=180)
    for pane in range(panes):
        process.update(PaneCounts(int(s_c[pane]), int(s_b[pane]), int(n_c[pane]), 1_000 - int(n_c[pane])))
        if process.get() >= 100.0:
            return pane + 1 - change_at
    return inf


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change_at", "times_worse", "median"), [(0, 2.0, 312.0), (0, 5.0, 33.0), (900, 2.0, 480.0), (900, 5.0, 57.0)]
)
def test_change_is_found_as_fast_as_in_the_reference(change_at: int, times_worse: float, median: float) -> None:
    """The median delay with mixed starts is the reference's within 15 %, and alarms before the change are rare."""
    rng = np.random.default_rng(20_241)
    delays = [delay(rng, change_at, times_worse) for _ in range(300)]
    early = [found for found in delays if found <= 0]
    assert len(early) <= 300 * 0.01 + 3.1 * sqrt(300 * 0.01 * 0.99)
    assert np.median([found for found in delays if found > 0]) == pytest.approx(median, rel=0.15)
