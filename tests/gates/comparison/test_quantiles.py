"""Evidence from quantiles: the scales' rounding, mirrored metrics, the single arm, and state."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.comparison.distributions import Latencies, MetricValues
from gates.comparison.quantiles import MIN_TAIL, TRAILING_MS, QuantileComparison
from gates.comparison.single_events import SingleEvents
from gates.evidence_view import PaneUse
from gates.panes import NOTHING, Cell, Pane
from gates.policy import Cohorts
from gates.stats.exceedance import Exceedance
from gates.stats.value_counts import bucket_of, lower_edge
from gates.windows import CohortWindow
from tests.gates.pane_builders import BASELINE, CANDIDATE, T0, cell, pane

COHORTS = Cohorts(baseline=BASELINE, candidate=CANDIDATE)
ALONE = PaneUse(compared=False)
finite = st.floats(-1e12, 1e12).filter(lambda value: value == 0.0 or abs(value) > 1e-9)
ratios = st.sampled_from([1.0, 1.05, 1.2, 1.5, 2.0, 3.0, 10.0])


def scale(better: str = "lower", quantile: float = 0.5, limit: float | None = None) -> MetricValues:
    """The scale of a metric `m`."""
    return MetricValues("m", quantile, limit, higher_is_better=better == "higher")


def real(given: Pane, cohort: str) -> Cell:
    """Users' requests."""
    return given.cells.get(cohort, NOTHING)


def worse_by(value: float, ratio: float, better: str) -> float:
    """A value `ratio` times as bad."""
    if better == "lower":
        return value * ratio if value > 0.0 else value / ratio
    return value / ratio if value > 0.0 else value * ratio


@given(finite, finite, ratios, st.sampled_from(["lower", "higher"]))
def test_a_candidate_at_the_null_never_exceeds_where_the_baseline_does_not(
    value: float, mark: float, ratio: float, better: str
) -> None:
    """Exactly `ratio` times as bad as a baseline value below the threshold is not counted against the candidate.

    And the other way about: as bad as a baseline value that is counted is counted when it is to be shown good enough.
    """
    known = scale(better)
    base, candidate = (cell(1, metrics={"m": [v]}) for v in (value, worse_by(value, ratio, better)))
    bucket = known.values(cell(1, metrics={"m": [mark]})).buckets[0]
    beyond = known.at_or_above(base, bucket)
    assert known.at_or_above(candidate, known.scaled_up(bucket, ratio)) <= beyond
    assert known.at_or_above(candidate, known.scaled_down(bucket, ratio)) >= beyond


@given(finite, ratios)
def test_scaling_rounds_outwards_by_less_than_two_buckets(mark: float, ratio: float) -> None:
    """Up is up and down is down; both edges lie next to the exact one, so that no power is given away."""
    known, bucket = scale(), bucket_of(mark)
    edge = lower_edge(bucket)
    wanted = edge * ratio if edge > 0.0 else edge / ratio
    up, down = known.scaled_up(bucket, ratio), known.scaled_down(bucket, ratio)
    assert lower_edge(down) <= wanted <= lower_edge(up)
    assert up - down <= 2


@given(st.lists(st.integers(-2_000, 2_000).map(lambda n: n / 7.0), min_size=1, max_size=60))
def test_higher_is_better_is_the_mirror_image(values: list[float]) -> None:
    """A metric of which higher is better is judged as its negative is where lower is: counts, thresholds, limit."""
    mirrored, plain = scale("higher", 0.25, limit=3), scale("lower", 0.75, limit=-3)
    here, there = (cell(len(values), metrics={"m": [sign * value for value in values]}) for sign in (1, -1))
    windows = []
    for known in (here, there):
        window = CohortWindow(60_000)
        window.push(T0, T0 + 1_000, known)
        windows.append(window)
    assert mirrored.values(here) == plain.values(there)
    assert mirrored.quantile == plain.quantile
    threshold = mirrored.threshold(windows[0], 1)
    assert threshold == plain.threshold(windows[1], 1)
    assert mirrored.beyond_limit(here) == plain.beyond_limit(there)
    if threshold is not None:
        assert mirrored.at_or_above(here, threshold) == plain.at_or_above(there, threshold)


def test_beyond_a_limit_is_beyond_its_bucket() -> None:
    """The limit's own bucket is within it, on either side; the next one is not."""
    for better, inside, outside in (("lower", [250.0, 1.0], 260.0), ("higher", [250.0, 900.0], 245.0)):
        known = scale(better, limit=250)
        assert known.beyond_limit(cell(2, metrics={"m": inside})) == 0
        assert known.beyond_limit(cell(3, metrics={"m": [*inside, outside]})) == 1


class Followed(QuantileComparison):
    """The evidence, with a trailing window of its own that moves on after each pane."""

    def observe(self, given: Pane, seen: PaneUse) -> None:
        """Take in one pane."""
        super().observe(given, seen)
        self._trailing.push(given.start, given.end, real(given, BASELINE))


def process(known: Any, ratio: float = 1.2, trailing: CohortWindow | None = None, *, atoms: bool = False) -> Followed:
    """The evidence for one scale."""
    evidence = SingleEvents(Exceedance.regression(known.quantile, 4), partial(Exceedance.advance, known.quantile))
    return Followed(COHORTS, known, real, ratio, trailing or CohortWindow(TRAILING_MS), evidence, atoms=atoms)


def latencies(quantile: float = 0.5, limit_ms: int | None = None) -> Latencies:
    """The scale of latencies, p50 by default."""
    return Latencies(quantile, limit_ms)


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_healthy_at_the_null_is_rarely_rejected(better: str) -> None:
    """A candidate exactly 1.2 times as bad, over many rollouts: the threshold is reached within alpha."""
    rng, reached, runs = np.random.default_rng(5), 0, 100
    for _ in range(runs):
        known, highest = process(scale(better)), 0.0
        for second in range(80):
            base, mine = rng.lognormal(3.0, 0.5, 40), rng.lognormal(3.0, 0.5, 20)
            mine = mine * 1.2 if better == "lower" else mine / 1.2
            known.observe(
                pane(second, cell(20, metrics={"m": list(mine)}), cell(40, metrics={"m": list(base)})), PaneUse()
            )
            highest = max(highest, known.worse)
        reached += highest >= 20.0
    assert reached <= 10  # of 100, where 5 are allowed on average: 1 % of all seeds would exceed it at the bound


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_twice_as_bad_is_rejected_and_as_good_passes(better: str) -> None:
    """The power that the rounding must leave: seconds for twice as bad, and a pass for the same."""
    rng = np.random.default_rng(6)
    bad, same = process(scale(better)), process(scale(better))
    for second in range(60):
        base, mine = rng.lognormal(3.0, 0.4, 100), rng.lognormal(3.0, 0.4, 50)
        worse = mine * 2.0 if better == "lower" else mine / 2.0
        for known, values in ((bad, worse), (same, mine)):
            given_pane = pane(second, cell(50, metrics={"m": list(values)}), cell(100, metrics={"m": list(base)}))
            known.observe(given_pane, PaneUse())
    assert bad.worse > 1e6
    assert bad.found().good < 1.0
    assert same.found().good > 20.0
    assert same.worse < 10.0


def test_without_a_past_there_is_no_threshold() -> None:
    """In the first pane, and while the baseline has too few values beyond its quantile, there is no evidence."""
    known = process(latencies(quantile=0.99))
    for second in range(5):
        known.observe(pane(second, cell(100, latency_ms=900.0), cell(190)), PaneUse())
        assert known.worse == pytest.approx(1.0)
    assert MIN_TAIL > 5 * 190 * 0.01
    known.observe(pane(5, cell(100, latency_ms=900.0), cell(190)), PaneUse())
    known.observe(pane(6, cell(100, latency_ms=900.0), cell(190)), PaneUse())
    assert known.worse > 100.0


def test_the_threshold_comes_from_before_the_pane() -> None:
    """Where both cohorts slow down in one pane, both exceed the old threshold, and that is no evidence."""
    known = process(latencies())
    for second in range(10):
        known.observe(pane(second, cell(100), cell(100)), PaneUse())
    before = known.worse
    known.observe(pane(10, cell(100, latency_ms=500.0), cell(100, latency_ms=500.0)), PaneUse())
    assert 0.9 * before < known.worse < 1.1 * before


def test_a_warm_up_feeds_the_threshold_and_no_evidence() -> None:
    """While caches are cold nothing is compared, but the baseline's past is still gathered."""
    known = process(latencies())
    for second in range(10):
        known.observe(pane(second, cell(100, latency_ms=900.0), cell(100)), PaneUse(eligible=False, warming=True))
    assert known.worse == pytest.approx(1.0)
    known.observe(pane(10, cell(100, latency_ms=900.0), cell(100)), PaneUse())
    assert known.worse > 100.0


@pytest.mark.parametrize(("above", "good"), [(0, True), (30, True), (50, False), (90, False)])
def test_a_quantile_of_zero_asks_the_candidate_for_as_many_zeros(above: int, good: bool) -> None:
    """No ratio of 0 is above 0, so the candidate is compared with the share that the quantile allows."""
    known = process(scale(), atoms=True)
    candidate = cell(100, metrics={"m": [0.0] * (100 - above) + [5.0] * above})
    for second in range(30):
        known.observe(pane(second, candidate, cell(100, metrics={"m": [0.0] * 80 + [5.0] * 20})), PaneUse())
    assert (known.found().good > 20.0) is good


def test_at_full_traffic_the_limit_takes_over() -> None:
    """Without a baseline, what is beyond the limit is counted against the share that the quantile allows."""
    known = process(latencies(quantile=0.9, limit_ms=100))
    for second in range(10):
        known.observe(pane(second, cell(50, latency_ms=20.0), None), ALONE)
    assert known.worse < 1.0
    assert known.found().good > 20.0
    for second in range(10, 14):
        known.observe(pane(second, cell(50, latency_ms=200.0), None), ALONE)
    assert known.worse > 1e6
    idle = process(latencies(quantile=0.9, limit_ms=100))
    idle.observe(pane(0, None, None), ALONE)
    assert idle.worse == pytest.approx(1.0)
    assert idle.found().good == 1.0


def test_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, at any pane, beside the trailing window: the same figures ever after."""
    rng = np.random.default_rng(3)
    known = process(scale("higher"))
    for second in range(70):
        trailing = CohortWindow(TRAILING_MS)
        trailing.fill(known._trailing.panes(), known._trailing.end)
        other = process(scale("higher"), trailing=trailing)
        other.load(json.loads(json.dumps(known.dump())))
        mine, base = (list(rng.lognormal(1.0, 0.7, 10)) for _ in range(2))
        given_pane = pane(second, cell(10, metrics={"m": mine}), cell(10, metrics={"m": base}))
        for each in (known, other):
            each.observe(given_pane, PaneUse())
        assert other.dump() == known.dump()
