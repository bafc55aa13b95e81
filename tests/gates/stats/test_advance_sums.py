"""Evidence that a candidate is good enough: at the boundary none on average, phi when one looks, the last panes."""

from __future__ import annotations

import json
from math import exp, inf, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.advance_sums import (
    ADVANCE_EFFECTS,
    HIGHEST_MARGIN,
    LOWEST_MARGIN,
    AdvanceMargin,
    AdvanceSums,
    MarginRange,
)
from gates.stats.error_share import log_factor
from gates.stats.pane_counts import PaneCounts
from tests.gates.stats.contract import through_json

RATIO, MARGIN = 1.25, 0.005


def of(panes: list[PaneCounts], recent: int = 10, margin: float = MARGIN) -> AdvanceSums:
    """The sums after these panes."""
    sums = AdvanceSums(RATIO, MarginRange(margin, margin))
    for pane in panes:
        sums.add_pane(pane, recent)
    return sums


def test_the_boundary_rarely_gathers_evidence() -> None:
    """Independent errors, any time in five minutes: the mean stays at 1 within chance, and 5% at most ever pass."""
    rng, runs, seconds = np.random.default_rng(5), 400, 300
    bad = rng.binomial(50, RATIO * 0.01 + MARGIN, (runs, seconds))
    base_bad = rng.binomial(950, 0.01, (runs, seconds))
    last, passed = [], 0
    for run in range(runs):
        sums, most = AdvanceSums(RATIO, MarginRange(MARGIN, MARGIN)), 0.0
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


def test_what_is_held_against_a_share_is_added() -> None:
    """The log factors of a single arm join the same sums, and up to that share the pane is lately good."""
    sums = of([])
    for _ in range(50):
        sums.add_alone((0, 100), 0.05, recent=10)
    assert sums.get(1.0) > 20.0
    assert sums.lately_good()
    for _ in range(10):
        sums.add_alone((6, 100), 0.05, recent=10)
    assert not sums.lately_good()


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
    whole, loaded = of(before, 7), AdvanceSums(RATIO, MarginRange(MARGIN, MARGIN))
    loaded.load(through_json(whole.dump()))

    def values(sums: AdvanceSums) -> list[Any]:
        found: list[Any] = []
        for pane in after:
            sums.add_pane(pane, 7)
            found.append((sums.get(2.5), sums.lately_good()))
        return found

    assert values(loaded) == values(whole)
    assert through_json(loaded.dump()) == through_json(whole.dump())


DEFAULT = MarginRange.of(None, None)


@pytest.mark.parametrize(
    ("stated", "limit", "base", "margin"),
    [
        (None, None, 0.0, LOWEST_MARGIN),
        (None, None, 0.001, 0.002),
        (None, None, 0.0015, 0.003),
        (None, None, 0.05, HIGHEST_MARGIN),
        (None, 0.05, 0.05, HIGHEST_MARGIN),
        (None, 0.01, 0.05, 0.0025),
        (None, 0.002, 0.05, 0.0005),
        (0.02, 0.01, 0.0, 0.02),
        (0.0, None, 0.05, 0.0),
    ],
)
def test_the_margin_follows_the_baseline_and_the_limit(
    stated: float | None, limit: float | None, base: float, margin: float
) -> None:
    """Twice the baseline's share within its bounds, at most a quarter of the limit; a stated one is as it is."""
    assert MarginRange.of(stated, limit).at(base) == margin


def test_six_times_a_tenth_of_a_per_cent_is_beyond_the_bound() -> None:
    """The bound there is 1.25 + 2 times the baseline's rate."""
    assert 1.25 * 0.001 + DEFAULT.at(0.001) < 0.0033


def test_a_margin_is_fixed_before_its_pane() -> None:
    """The pane's own bad events change only the next one; the mean of a stage weighs by the candidate's events."""
    margin = AdvanceMargin(DEFAULT)
    assert margin.get() == HIGHEST_MARGIN
    assert margin.add_pane(PaneCounts(0, 0, 300, 10_000)) == HIGHEST_MARGIN
    assert margin.add_pane(PaneCounts(0, 500, 100, 10_000)) == LOWEST_MARGIN
    assert margin.get() == pytest.approx((3 * HIGHEST_MARGIN + LOWEST_MARGIN) / 4)
    margin.enter_stage()
    assert margin.get() == HIGHEST_MARGIN


def test_varying_margins_are_summed_pane_by_pane() -> None:
    """Each pane's factor is that of its own margin."""
    sums = AdvanceSums(1.25, DEFAULT)
    panes = [PaneCounts(0, 0, 50, 9_500), PaneCounts(1, 30, 50, 9_500), PaneCounts(0, 5, 40, 9_500)]
    margins, logs = AdvanceMargin(DEFAULT), [0.0] * len(ADVANCE_EFFECTS)
    for pane in panes:
        sums.add_pane(pane, recent=10)
        margin = margins.add_pane(pane)
        for index, effect in enumerate(ADVANCE_EFFECTS):
            logs[index] += log_factor(pane, effect * 1.25, 1.25, margin)
    assert sums.get(1.0) == pytest.approx(sum(map(exp, logs)) / len(logs), rel=1e-12)
    assert sums.margin == margins.get()


def test_lately_good_has_the_same_margin() -> None:
    """Twice the allowed distance is too much where the margin is small, and not where it is large."""
    few = PaneCounts(1, 10, 250, 10_000)
    large, small = (AdvanceSums(1.25, MarginRange(margin, margin)) for margin in (0.01, 0.002))
    for sums in (large, small):
        sums.add_pane(few, recent=10)
    assert (large.lately_good(), small.lately_good()) == (True, False)


def test_without_a_margin_only_errors_of_the_baseline_show_anything() -> None:
    """However many requests succeed beside a baseline without errors, the evidence stays where it is."""
    sums = AdvanceSums(1.25, MarginRange.of(0.0, None))
    for _ in range(100):
        sums.add_pane(PaneCounts(0, 0, 1_000, 1_000), recent=10)
    assert sums.get(1.0) == pytest.approx(1.0)
    sums.add_pane(PaneCounts(0, 20, 1_000, 1_000), recent=10)
    assert 1.0 < sums.get(1.0) < inf


def test_a_snapshot_keeps_the_margin_over_stages() -> None:
    """What is known of the baseline stays, what a stage has shown does not."""
    sums = AdvanceSums(1.25, DEFAULT)
    for _ in range(30):
        sums.add_pane(PaneCounts(0, 1, 50, 950), recent=10)
    sums.enter_stage()
    again = AdvanceSums(1.25, DEFAULT)
    again.load(json.loads(json.dumps(sums.dump())))
    assert again.dump() == sums.dump()
    assert again.margin == sums.margin < HIGHEST_MARGIN
    assert again.get(1.0) == pytest.approx(1.0)
