"""Bets of one block: at the null no gain on average whatever comes together, the catastrophe row, snapshots."""

from __future__ import annotations

import json
from math import exp, inf, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.block_bets import (
    EFFECTS,
    LONGEST_BLOCK_S,
    MOST_LOG,
    BlockBets,
    block_panes,
    catastrophe_log_factor,
    event_factors,
    largest_log_factor,
)
from gates.stats.pane_counts import PaneCounts
from tests.gates.stats.contract import through_json

RATIO = 1.25


def started(ratio: float = RATIO, *, catastrophe: bool = False) -> BlockBets:
    """Bets that have all their mass from the beginning."""
    bets = BlockBets.begin(ratio, catastrophe=catastrophe)
    bets.start(1.0)
    return bets


def after(*blocks: list[PaneCounts]) -> BlockBets:
    """The bets after these blocks."""
    bets = started()
    for block in blocks:
        for pane in block:
            bets.add_pane(pane, 0.0, None)
        bets.close_block()
    return bets


@given(st.integers(1, 500), st.integers(1, 5_000), st.sampled_from((1.0, 1.25, 2.0, 4.0)))
def test_one_bad_event_at_the_null_gains_nothing_on_average(events: int, base_events: int, ratio: float) -> None:
    """One bad event is the candidate's with its tolerated share: each effect then has the expectation 1."""
    share = ratio * events / (ratio * events + base_events)
    for candidate, baseline in event_factors(events, base_events, ratio):
        assert share * candidate + (1.0 - share) * baseline == pytest.approx(1.0, rel=1e-12)
        assert candidate > 1.0 > baseline > 0.0


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_bad_events_of_one_block_are_one_witness(sizes: list[int]) -> None:
    """Whether one of the candidate's requests fails or forty: as many panes as it likes, the factor is that of one."""
    block = [PaneCounts(min(size, 50), 0, 50, 950) for size in sizes]
    assert after(block).log_wealth == pytest.approx(after([PaneCounts(1, 0, 50, 950)]).log_wealth)


def test_blocks_multiply() -> None:
    """What two blocks gain is the product of what each gains; one without a bad event changes nothing."""
    one, other, none = [PaneCounts(3, 2, 50, 950)], [PaneCounts(0, 4, 60, 900)], [PaneCounts(0, 0, 50, 950)]
    expected = [first + second for first, second in zip(after(one).log_wealth, after(other).log_wealth, strict=True)]
    assert after(one, none, other).log_wealth == pytest.approx(expected)


@pytest.mark.parametrize("size", [1, 20, 200])
def test_clusters_of_any_size_gain_nothing_on_average(size: int) -> None:
    """Whole blocks fail for one cohort, as its tolerated share has it: the mean of the e-values is 1 within chance."""
    rng, runs, blocks = np.random.default_rng(size), 4_000, 10
    share = RATIO * 100 / (RATIO * 100 + 900)
    found = []
    for struck in rng.random((runs, blocks)) < share:
        bets = started()
        for ours in struck:
            bets.add_pane(PaneCounts(size if ours else 0, 0 if ours else size, 100, 900), 0.0, None)
            bets.close_block()
        found.append(bets.e_value(0.0, 0.0))
    assert np.mean(found) <= 1.0 + 3.1 * np.std(found) / sqrt(runs)
    assert np.mean(np.array(found) >= 100.0) <= 0.01 + 3.1 * sqrt(0.01 * 0.99 / runs)


def test_mass_that_starts_later_has_not_lost_before() -> None:
    """The second half of the mass begins with the second block, as large as it was."""
    bets = BlockBets.begin(RATIO, catastrophe=False)
    bets.start(0.5)
    bets.add_pane(PaneCounts(0, 9, 50, 950), 0.0, None)
    bets.close_block()
    assert bets.e_value(0.5, 0.0) > 0.5
    before = bets.e_value(0.0, 0.0)
    bets.start(0.5)
    assert bets.e_value(0.0, 0.0) == pytest.approx(before + 0.5)
    bets.start(0.0)
    assert bets.e_value(0.0, 0.0) == pytest.approx(before + 0.5)


def test_a_part_that_joins_brings_the_mass_that_began_elsewhere() -> None:
    """Unspent; with none begun, almost none, so that its logarithm stays finite."""
    bets = BlockBets.begin(RATIO, catastrophe=True)
    bets.join(0.25, 0.5)
    assert bets.e_value(0.0, 0.5) == pytest.approx(0.8 * 0.75 + 0.2 * 1.0)
    bets.join(0.0, 0.0)
    assert bets.e_value(0.0, 0.0) == pytest.approx(0.0, abs=1e-290)
    alone = BlockBets.begin(RATIO, catastrophe=False)
    alone.join(1.0, 1.0)
    assert alone.e_value(0.0, 0.0) == pytest.approx(1.0)
    assert alone.log_catastrophe is None


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e3), st.sampled_from((0.1, 1.0, 5.0, 10.0)))
def test_a_block_is_at_least_a_pane_and_at_most_a_minute(rho: float, largest: float, pane_s: float) -> None:
    """Whatever was measured."""
    panes = block_panes(rho, largest, pane_s)
    assert 1 <= panes <= LONGEST_BLOCK_S / pane_s
    assert panes <= max(1.0, rho * MOST_LOG / pane_s + 0.5)


def test_the_largest_factor_is_that_of_a_candidate_that_fails_altogether() -> None:
    """No effect of the grid gains more from one block than the bound allows, and the boldest comes near to it."""
    pane, bound = PaneCounts(50, 10, 50, 1_000), largest_log_factor(50, 1_000, 0.01, RATIO)
    gains = after([pane]).log_wealth
    assert max(gains) <= bound + 1e-12
    assert max(gains) == pytest.approx(bound, rel=0.03)


@given(st.integers(0, 3), st.integers(0, 8), st.floats(0.5, 0.999))
def test_successes_at_the_null_of_the_catastrophe_row_gain_nothing_on_average(
    events: int, base_events: int, success: float
) -> None:
    """All outcomes of one pane: the candidate succeeds half as often as the baseline, and a cap only takes away."""
    ours, expected, capped = success / 2, 0.0, 0.0
    for lost in range(events + 1):
        for base_lost in range(base_events + 1):
            chance = _binomial(events, lost, 1.0 - ours) * _binomial(base_events, base_lost, 1.0 - success)
            pane = PaneCounts(lost, base_lost, events, base_events)
            expected += chance * exp(catastrophe_log_factor(pane, inf))
            capped += chance * exp(catastrophe_log_factor(pane, log(8.0)))
    assert capped <= expected <= 1.0 + 1e-9


def _binomial(n: int, k: int, p: float) -> float:
    """The probability of k of n."""
    return float(np.prod([(n - i) / (i + 1) for i in range(k)]) * p**k * (1.0 - p) ** (n - k))


def test_the_catastrophe_row_bets_only_where_it_is_asked_to() -> None:
    """Without a cap, and without a row, lost successes count for nothing."""
    lost = PaneCounts(50, 9, 50, 950)
    with_row, idle, without = (started(catastrophe=row) for row in (True, True, False))
    with_row.add_pane(lost, 1.0, log(32.0))
    idle.add_pane(lost, 1.0, None)
    without.add_pane(lost, 1.0, log(32.0))
    assert [with_row.log_catastrophe, idle.log_catastrophe] == pytest.approx([log(32.0), 0.0])
    assert without.log_catastrophe is None


def alone(*blocks: list[tuple[float, int]], objective: float = 0.05) -> BlockBets:
    """The bets after these blocks of a candidate without a baseline."""
    bets = started()
    for block in blocks:
        for pane in block:
            bets.add_alone(pane, objective, 0.0)
        bets.close_block()
    return bets


def test_a_block_without_a_baseline_is_held_against_its_objective() -> None:
    """Its share of bad events counts, over one pane or three; half of them bad is ten times the objective."""
    assert alone([(0, 100)]).e_value(0.0, 0.0) < 1.0 < alone([(50, 100)]).e_value(0.0, 0.0) < 10.0
    assert alone([(5, 10), (0, 30), (45, 60)]).log_wealth == pytest.approx(alone([(50, 100)]).log_wealth)
    assert alone([(0, 0)]).e_value(0.0, 0.0) == 1.0


@given(st.floats(0.001, 0.5), st.integers(1, 1_000))
def test_a_block_at_the_objective_gains_nothing(objective: float, events: int) -> None:
    """The factor is linear in the share of bad events, so whatever its distribution, the mean counts."""
    for factor in alone([(objective * events, events)], objective=objective).log_wealth:
        assert factor == pytest.approx(0.0, abs=1e-9)
    most = alone([(events, events)], objective=objective).log_wealth
    assert max(most) <= -log(objective) + 1e-9


@pytest.mark.parametrize("size", [1, 20, 200])
def test_clusters_of_a_candidate_alone_gain_nothing_on_average(size: int) -> None:
    """200 requests a block at the objective of 5%, clusters of up to a whole block: the mean is 1 within chance."""
    rng, runs, blocks = np.random.default_rng(size), 2_000, 10
    found = []
    for struck in rng.binomial(200 // size, 0.05, (runs, blocks)):
        found.append(alone(*([(float(number * size), 200)] for number in struck)).e_value(0.0, 0.0))
    assert np.mean(found) <= 1.0 + 3.1 * np.std(found) / sqrt(runs)
    assert np.mean(np.array(found) >= 100.0) <= 0.01 + 3.1 * sqrt(0.01 * 0.99 / runs)


panes = st.tuples(st.floats(0, 5), st.floats(0, 20), st.integers(0, 20), st.integers(0, 200)).map(
    lambda each: PaneCounts(min(each[0], each[2]), min(each[1], each[3]), each[2], each[3])
)


@given(st.lists(panes, max_size=20), st.lists(panes, max_size=20), st.booleans())
def test_a_snapshot_continues_bit_for_bit(before: list[PaneCounts], then: list[PaneCounts], row: bool) -> None:
    """Also within a block, and before any mass has begun."""

    def add(bets: BlockBets, known: list[PaneCounts]) -> list[Any]:
        found = []
        for index, pane in enumerate(known):
            bets.start(0.01)
            bets.add_pane(pane, 0.01, log(8.0))
            if index % 3 == 2:
                bets.close_block()
            found.append(bets.e_value(0.1, 0.2))
        return found

    whole = BlockBets.begin(RATIO, catastrophe=row)
    add(whole, before)
    state = json.loads(json.dumps(whole.dump(), allow_nan=False))
    loaded = BlockBets.load(RATIO, state, catastrophe=row)
    assert add(loaded, then) == add(whole, then)
    assert through_json(loaded.dump()) == through_json(whole.dump())
    assert len(loaded.log_wealth) == len(EFFECTS)
