"""The margin that a candidate may add, and the sums that it is in. Vectors of the sums: test_block_evidence.py."""

from __future__ import annotations

import json
from itertools import product
from math import exp, inf

import pytest

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


@pytest.mark.parametrize("margin", [0.0, 0.02, 0.1])
def test_at_the_boundary_a_pane_has_at_most_the_expectation_1(margin: float) -> None:
    """All outcomes of one pane, enumerated: the candidate fails `ratio` times as often as the baseline, and more."""
    events, base_events, share, ratio = 4, 6, 0.1, 1.25
    worse = ratio * share + margin
    for effect in ADVANCE_EFFECTS:
        expected = 0.0
        for outcome in product((0, 1), repeat=events + base_events):
            bad, base_bad = sum(outcome[:events]), sum(outcome[events:])
            chance = worse**bad * (1 - worse) ** (events - bad)
            chance *= share**base_bad * (1 - share) ** (base_events - base_bad)
            counts = PaneCounts(bad, base_bad, events, base_events)
            expected += chance * exp(log_factor(counts, effect * ratio, ratio, margin))
        assert expected <= 1.0 + 1e-12


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
