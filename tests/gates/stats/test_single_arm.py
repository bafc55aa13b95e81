"""A single arm against its objective: exact values, that it is an e-process, and the watch without end."""

import json
from collections.abc import Callable
from math import comb, exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.stats.error_share import ADVANCE_EFFECTS, REGRESSION_EFFECTS
from gates.stats.mixture import START_BLOCK
from gates.stats.single_arm import EndlessWatch, SingleArm, log_factor, threshold, watched

TINY = 1e-12  # what rounding may add to an expectation


def binomial(n: int, p: float) -> list[float]:
    """Return the probabilities of 0..n successes."""
    return [comb(n, k) * p**k * (1.0 - p) ** (n - k) for k in range(n + 1)]


def test_factor_is_the_ratio_of_two_binomial_likelihoods() -> None:
    """`a` times the odds of the objective, against the objective: 3 errors of 100 at 1 %, bet on fourfold odds."""
    odds = 4.0 * 0.01 / 0.99
    expected = log(binomial(100, odds / (1.0 + odds))[3] / binomial(100, 0.01)[3])
    assert log_factor(3, 100, 4.0, 0.01) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("objective", [1e-4, 0.001, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("requests", [1, 5, 40, 150])
def test_expectation_is_one_on_the_boundary_and_less_inside(objective: float, requests: int) -> None:
    """Over every outcome, for each effect of both grids: exactly 1 at the objective, less on the null's side of it."""
    for effect in (*REGRESSION_EFFECTS, *ADVANCE_EFFECTS):
        factors = [exp(log_factor(errors, requests, effect, objective)) for errors in range(requests + 1)]
        inside = objective / 2 if effect > 1.0 else (1.0 + objective) / 2
        at, within = (
            sum(chance * factor for chance, factor in zip(binomial(requests, p), factors, strict=True))
            for p in (objective, inside)
        )
        assert at == pytest.approx(1.0, rel=1e-9)
        assert within < 1.0


@pytest.mark.parametrize("process", [SingleArm.regression(0.01, 3), SingleArm.advance(0.01)])
def test_evidence_stays_one_without_traffic(process: SingleArm) -> None:
    """Nothing seen, nothing learnt."""
    assert process.get() == 1.0
    for _ in range(START_BLOCK * 4):
        process.update(0, 0)
    assert process.get() == pytest.approx(1.0, abs=1e-12)


def test_both_directions_tell_good_from_bad() -> None:
    """Five times the objective makes the one grow, a fifth of it the other."""
    for errors, worse in ((50, True), (2, False)):
        regression, advance = SingleArm.regression(0.01), SingleArm.advance(0.01)
        regression.update(errors, 1_000)
        advance.update(errors, 1_000)
        assert (regression.get() > 100.0) == worse
        assert (advance.get() > 20.0) == (not worse)


@pytest.mark.parametrize("objective", [0.0, 1.0, -0.1, float("nan")])
def test_an_objective_is_between_zero_and_one(objective: float) -> None:
    """What nothing or everything misses is refused."""
    for make in (SingleArm.regression, SingleArm.advance, EndlessWatch):
        with pytest.raises(ValueError, match="objective"):
            make(objective)


def test_watch_has_the_reference_values() -> None:
    """Shiryaev and Roberts over factors of 2, 0.5 and 3."""
    known, found = -inf, []
    for factor in (2.0, 0.5, 3.0):
        known = watched(known, log(factor))
        found.append(exp(known))
    assert found == pytest.approx([2.0, 1.5, 7.5], rel=1e-9)


def test_watch_is_the_sum_of_e_values_over_all_starts() -> None:
    """The watch is what one process from each tick on would add up to; a silent tick starts none."""
    ticks = [(0, 40), (3, 50), (0, 0), (1, 60), (4, 45)]
    watch = EndlessWatch(0.01)
    processes: list[SingleArm] = []
    for errors, requests in ticks:
        watch.update(errors, requests)
        if requests:
            processes.append(SingleArm.regression(0.01))
        for process in processes:
            process.update(errors, requests)
    assert watch.get() == pytest.approx(sum(process.get() for process in processes), rel=1e-9)


def test_silence_never_alarms_the_watch() -> None:
    """However long nothing arrives, nothing is held against the cohort."""
    watch = EndlessWatch(0.01)
    for _ in range(1_000):
        watch.update(0, 0)
    assert watch.get() == 0.0


def test_watch_stays_finite_and_recovers() -> None:
    """An outage makes it enormous, never infinite; after a good stretch only recent starts count."""
    watch = EndlessWatch(0.01)
    for _ in range(1_000):
        watch.update(100, 100)
    assert 1e100 < watch.get() < inf
    for _ in range(500_000 // 1_000):
        watch.update(0, 1_000_000)
    assert watch.get() < 1.0


def test_threshold_is_ticks_over_alpha() -> None:
    """Thirty days of seconds without a promise beyond the mean run; a hundred times that for 1 %."""
    assert threshold(2_592_000, 1.0) == 2_592_000.0
    assert threshold(2_592_000, 0.01) == pytest.approx(259_200_000.0)
    for ticks, alpha in ((0, 0.05), (10, 0.0), (10, 1.1)):
        with pytest.raises(ValueError, match="alpha"):
            threshold(ticks, alpha)


ticks = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda drawn: (min(drawn), max(drawn))), max_size=80
)


@settings(max_examples=50, deadline=None)
@given(ticks, st.integers(0, 80), st.sampled_from(["regression", "blocks", "advance", "watch"]))
def test_snapshot_continues_bit_for_bit(drawn: list[tuple[int, int]], cut: int, kind: str) -> None:
    """A process that went through JSON in the middle ends with the very same bits, and a finite value."""

    def fresh() -> SingleArm | EndlessWatch:
        if kind == "watch":
            return EndlessWatch(0.02)
        return (
            SingleArm.advance(0.02)
            if kind == "advance"
            else SingleArm.regression(0.02, 2 if kind == "blocks" else None)
        )

    straight, before, after = fresh(), fresh(), fresh()
    for errors, requests in drawn:
        straight.update(errors, requests)
    for errors, requests in drawn[:cut]:
        before.update(errors, requests)
    after.load(json.loads(json.dumps(before.dump(), allow_nan=False)))
    for errors, requests in drawn[cut:]:
        after.update(errors, requests)
    assert after.dump() == straight.dump()
    assert after.get() == straight.get()
    assert 0.0 <= straight.get() < inf


def ticks_until(process: SingleArm | EndlessWatch, errors: np.ndarray, requests: int, limit: float) -> float:
    """Return the ticks until the process reaches `limit`."""
    for tick, failed in enumerate(errors, start=1):
        process.update(int(failed), requests)
        if process.get() >= limit:
            return tick
    return inf


@pytest.mark.slow
@pytest.mark.parametrize("make", [SingleArm.regression, SingleArm.advance])
def test_false_alarms_stay_below_alpha(make: Callable[[float], SingleArm]) -> None:
    """At the objective exactly, looked at each tick for ten minutes: at most alpha, by a binomial bound."""
    rng, runs, alpha = np.random.default_rng(51), 300, 0.05
    alarms = sum(
        ticks_until(make(0.01), rng.binomial(100, 0.01, size=600), 100, 1.0 / alpha) < inf for _ in range(runs)
    )
    assert alarms <= runs * alpha + 3.1 * sqrt(runs * alpha * (1.0 - alpha))


@pytest.mark.slow
@pytest.mark.parametrize("times_worse", [2.0, 5.0])
def test_missed_objective_is_found_as_fast_as_planned(times_worse: float) -> None:
    """The median delay to E of 100 is about (log 100 + 1.5) over the growth per tick."""
    rng, requests, objective = np.random.default_rng(52), 20, 0.01
    p = times_worse * objective
    growth = requests * (p * log(p / objective) + (1.0 - p) * log((1.0 - p) / (1.0 - objective)))
    delays = [
        ticks_until(SingleArm.regression(objective), rng.binomial(requests, p, size=1_000), requests, 100.0)
        for _ in range(400)
    ]
    assert np.median(delays) == pytest.approx((log(100.0) + 1.5) / growth, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [50.0, 200.0])
def test_watch_runs_as_long_as_it_says(limit: float) -> None:
    """At the objective, the mean run to a false alarm at `c` is at least `c` ticks."""
    rng = np.random.default_rng(53)
    runs = [
        min(ticks_until(EndlessWatch(0.01), rng.binomial(100, 0.01, size=2_000), 100, limit), 2_000.0)
        for _ in range(200)
    ]
    assert np.mean(runs) >= limit
