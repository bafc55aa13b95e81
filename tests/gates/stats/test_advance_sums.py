"""Evidence that a candidate is good enough: at the boundary none on average, phi when one looks, the last panes."""

from __future__ import annotations

from itertools import product
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats import single_arm
from gates.stats.advance_sums import ADVANCE_EFFECTS, AdvanceSums
from gates.stats.pane_counts import PaneCounts
from tests.gates.stats.contract import through_json

RATIO, MARGIN = 1.25, 0.005


def of(panes: list[PaneCounts], recent: int = 10, margin: float = MARGIN) -> AdvanceSums:
    """The sums after these panes."""
    sums = AdvanceSums(RATIO, margin)
    for pane in panes:
        sums.add_pane(pane, recent)
    return sums


@given(st.integers(1, 4), st.integers(1, 6), st.floats(0.001, 0.3), st.sampled_from((0.0, 0.005, 0.05)))
def test_the_boundary_gains_nothing_on_average(events: int, base_events: int, rate: float, margin: float) -> None:
    """All outcomes of one pane of independent bad events, at `ratio` times the baseline's rate plus the margin."""
    worse = min(1.0, RATIO * rate + margin)
    expected = 0.0
    for outcome in product((0, 1), repeat=events + base_events):
        bad, base_bad = sum(outcome[:events]), sum(outcome[events:])
        chance = worse**bad * (1 - worse) ** (events - bad) * rate**base_bad * (1 - rate) ** (base_events - base_bad)
        expected += chance * of([PaneCounts(bad, base_bad, events, base_events)], margin=margin).get(1.0)
    assert expected <= 1.0 + 1e-12


def test_the_boundary_rarely_gathers_evidence() -> None:
    """Independent errors, any time in five minutes: the mean stays at 1 within chance, and 5% at most ever pass."""
    rng, runs, seconds = np.random.default_rng(5), 400, 300
    bad = rng.binomial(50, RATIO * 0.01 + MARGIN, (runs, seconds))
    base_bad = rng.binomial(950, 0.01, (runs, seconds))
    last, passed = [], 0
    for run in range(runs):
        sums, most = AdvanceSums(RATIO, MARGIN), 0.0
        for second in range(seconds):
            sums.add_pane(PaneCounts(int(bad[run, second]), int(base_bad[run, second]), 50, 950), 10)
            most = max(most, sums.get(1.0)) if second % 10 == 9 else most
        last.append(sums.get(1.0))
        passed += most >= 20.0
    assert np.mean(last) <= 1.0 + 3.1 * np.std(last) / sqrt(runs)
    assert passed <= runs * 0.05 + 3.1 * sqrt(runs * 0.05 * 0.95)


@given(st.floats(1.0, 50.0), st.floats(1.0, 50.0))
def test_a_larger_phi_draws_the_evidence_towards_one(one: float, other: float) -> None:
    """Phi divides the whole sum when one looks, so that no minute of ignorance stays in it."""
    small, large = sorted((one, other))
    good, bad = of([PaneCounts(0, 5, 50, 950)] * 60), of([PaneCounts(3, 5, 50, 950)] * 60)
    assert good.get(small) >= good.get(large) >= 1.0
    assert bad.get(small) <= bad.get(large) <= 1.0


def test_panes_without_one_of_the_cohorts_are_no_evidence() -> None:
    """Neither for nor against."""
    sums = of([PaneCounts(3, 0, 50, 0), PaneCounts(0, 9, 0, 900)])
    assert sums.get(1.0) == 1.0
    assert not of([PaneCounts(3, 0, 50, 0)]).lately_good()


def test_what_is_held_against_something_else_is_added() -> None:
    """The log factors of a single arm join the same sums; none of them changes nothing."""
    sums = of([])
    sums.add_log_factors(None)
    assert sums.get(1.0) == 1.0
    for _ in range(50):
        sums.add_log_factors(single_arm.log_factors(0, 100, ADVANCE_EFFECTS, 0.05))
    assert sums.get(1.0) > 20.0


@pytest.mark.parametrize(("bad", "lately"), [(0, True), (13, True), (14, False), (40, False)])
def test_lately_good_is_nearer_to_the_baseline_than_to_the_boundary(bad: int, lately: bool) -> None:
    """1% of the baseline fails, so 1.75% is the boundary and 1.375% the middle: of 1,000 requests 13.75."""
    assert of([PaneCounts(bad, 100, 1_000, 10_000)]).lately_good() is lately


def test_only_the_last_panes_are_lately() -> None:
    """A bad minute is forgotten once enough good panes follow, and a good hour does not hide a bad minute."""
    bad, good = [PaneCounts(30, 100, 1_000, 10_000)], [PaneCounts(10, 100, 1_000, 10_000)]
    assert not of(bad * 10 + good * 5).lately_good()
    assert of(bad * 10 + good * 10).lately_good()
    assert not of(good * 100 + bad * 10).lately_good()
    assert not of([]).lately_good()


panes = st.lists(
    st.tuples(st.floats(0, 5), st.integers(0, 20), st.integers(0, 20), st.integers(0, 200)).map(
        lambda each: PaneCounts(min(each[0], each[2]), min(each[1], each[3]), each[2], each[3])
    ),
    max_size=30,
)


@given(panes, panes)
def test_a_snapshot_continues_bit_for_bit(before: list[PaneCounts], after: list[PaneCounts]) -> None:
    """Sums and last panes go on from JSON."""
    whole, loaded = of(before, 7), AdvanceSums(RATIO, MARGIN)
    loaded.load(through_json(whole.dump()))

    def values(sums: AdvanceSums) -> list[Any]:
        found: list[Any] = []
        for pane in after:
            sums.add_pane(pane, 7)
            found.append((sums.get(2.5), sums.lately_good()))
        return found

    assert values(loaded) == values(whole)
    assert through_json(loaded.dump()) == through_json(whole.dump())
