"""Sequential sample-ratio mismatch: reference values, that it is an e-process, delays."""

import json
from math import exp, factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.stats.sample_ratio import SampleRatio, log_bayes_factor

UNITS_PER_SECOND = 1_000


@pytest.mark.parametrize(
    ("units", "shares", "expected"),
    [
        ([120, 9880], [0.01, 0.99], 0.58416601460317),
        ([1000, 2100, 6900], [0.1, 0.2, 0.7], 0.8957338746786263),
    ],
)
def test_bayes_factor_has_the_reference_values(units: list[int], shares: list[float], expected: float) -> None:
    """The log Bayes factor is that of an independent implementation, for two cohorts and for three."""
    assert log_bayes_factor(units, shares) == pytest.approx(expected, rel=1e-9)


def compositions(total: int, cohorts: int) -> list[tuple[int, ...]]:
    """Every way to spread `total` units over this number of cohorts."""
    if cohorts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in compositions(total - first, cohorts - 1)]


def multinomial(units: tuple[int, ...], shares: tuple[float, ...]) -> float:
    """Return the probability of these counts."""
    ways = factorial(sum(units)) // prod(factorial(count) for count in units)
    return ways * prod(share**count for share, count in zip(shares, units, strict=True))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.01, 0.99), (0.1, 0.2, 0.7)])
@pytest.mark.parametrize("concentration", [1.0, 100.0, 10_000.0])
@pytest.mark.parametrize("total", [1, 7, 30])
def test_expectation_is_one_under_the_plan(shares: tuple[float, ...], concentration: float, total: int) -> None:
    """Over every outcome of `total` units the Bayes factor has expectation exactly 1."""
    expected = sum(
        multinomial(units, shares) * exp(log_bayes_factor(units, shares, concentration))
        for units in compositions(total, len(shares))
    )
    assert expected == pytest.approx(1.0, rel=1e-8)


def test_order_and_portions_do_not_matter() -> None:
    """Counts at once and in portions come to the same, to the bit."""
    at_once, portions = SampleRatio((1, 9)), SampleRatio((1, 9))
    at_once.update([30, 300])
    for _ in range(30):
        portions.update([1, 10])
    assert portions.dump() == at_once.dump()
    assert portions.get() == at_once.get()


def test_weights_in_per_cent_or_as_shares() -> None:
    """Only the proportion of the weights matters."""
    per_cent, shares = SampleRatio((1, 99)), SampleRatio((0.01, 0.99))
    for process in (per_cent, shares):
        process.update([120, 9880])
    assert per_cent.get() == pytest.approx(shares.get(), rel=1e-12)


def test_a_cohort_planned_to_get_nothing_is_left_out() -> None:
    """The last stage has one cohort: nothing to compare, whoever still comes to the other; three become two."""
    last = SampleRatio((0, 100))
    last.update([17, 50_000])
    assert last.get() == 1.0
    three, two = SampleRatio((0, 10, 90)), SampleRatio((10, 90))
    three.update([5, 1_200, 8_800])
    two.update([1_200, 8_800])
    assert three.get() == two.get()


@pytest.mark.parametrize("weights", [(), (0, 0), (-1, 2), (float("nan"), 1), (float("inf"), 1)])
def test_impossible_weights_are_refused(weights: tuple[float, ...]) -> None:
    """No cohort, no weight, a negative or a non-finite one is an error."""
    with pytest.raises(ValueError, match="weights must be finite"):
        SampleRatio(weights)


@pytest.mark.parametrize("units", [[], [1], [1, 2, 3], [1, -1]])
def test_impossible_counts_are_refused(units: list[int]) -> None:
    """One number a cohort, none negative."""
    with pytest.raises(ValueError, match="not counts of 2 cohorts"):
        SampleRatio((1, 1)).update(units)


def test_evidence_stays_finite_where_it_is_overwhelming() -> None:
    """A cohort that gets everything makes the e-value enormous, and never infinite; nothing makes it negative."""
    process = SampleRatio((1, 99))
    process.update([10**9, 0])
    assert 1e100 < process.get() < float("inf")
    calm = SampleRatio((1, 99))
    calm.update([10**9, 99 * 10**9])
    assert 0.0 <= calm.get() < 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=30), st.integers(0, 30))
def test_snapshot_continues_bit_for_bit(steps: list[tuple[int, int]], cut: int) -> None:
    """A process that went through JSON between any two updates ends with the very same bits."""
    straight, before, after = SampleRatio((1, 9)), SampleRatio((1, 9)), SampleRatio((1, 9))
    for pair in steps:
        straight.update(pair)
    for pair in steps[:cut]:
        before.update(pair)
    after.load(json.loads(json.dumps(before.dump(), allow_nan=False)))
    for pair in steps[cut:]:
        after.update(pair)
    assert after.dump() == straight.dump()
    assert after.get() == straight.get()


def seconds_to_fire(generator: np.random.Generator, share: float, seconds: int, factor: float, alpha: float) -> float:
    """Return after how many seconds the e-value reaches 1/alpha, inf if not; the candidate gets `factor * share`."""
    process = SampleRatio((share, 1.0 - share))
    for second, candidate in enumerate(generator.binomial(UNITS_PER_SECOND, share * factor, size=seconds).tolist(), 1):
        process.update([candidate, UNITS_PER_SECOND - candidate])
        if process.get() >= 1.0 / alpha:
            return second
    return float("inf")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "factor", "median"),
    [(0.01, 0.9, 111), (0.01, 0.8, 33), (0.05, 0.95, 90), (0.05, 0.9, 25), (0.1, 0.95, 46), (0.1, 0.9, 15)],
)
def test_delays_are_those_of_the_reference(share: float, factor: float, median: int) -> None:
    """A candidate that gets less than planned is noticed in the time of the reference table, within 15%."""
    generator = np.random.default_rng(7)
    delays = [seconds_to_fire(generator, share, 2_000, factor, 0.01) for _ in range(600)]
    assert float(np.median(delays)) == pytest.approx(median, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_false_alarms_are_at_most_alpha(share: float, alpha: float) -> None:
    """Looked at every second, healthy splits alarm no more often than alpha (within three standard deviations)."""
    generator, runs = np.random.default_rng(11), 500
    alarms = sum(seconds_to_fire(generator, share, 900, 1.0, alpha) < float("inf") for _ in range(runs))
    assert alarms / runs <= alpha + 3.0 * (alpha * (1.0 - alpha) / runs) ** 0.5
