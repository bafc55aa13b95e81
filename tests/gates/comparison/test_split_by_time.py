"""phi from stretches of time: doubted at first, settled before the panes it applies to, and by two scales."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gates.comparison.split_by_time import OF_PANES, SplitByTime
from gates.panes import Pane
from gates.stats.dispersion import MIN_BLOCKS, UNMEASURED
from tests.gates.pane_builders import T0

SETTLED_S = (MIN_BLOCKS + 3) * 10
"""By then there are MIN_BLOCKS blocks, each between two others."""


def empty(second: int, length_s: int = 1) -> Pane:
    """A pane of which only the time is looked at."""
    return Pane(T0 + second * 1_000, T0 + (second + length_s) * 1_000)


def fed(split: SplitByTime, seconds: int, cluster: int, start: int = 0, seed: int = 1, spread: int = 1) -> list[float]:
    """Feed so many seconds of 200 requests; errors come `cluster` at once, or one in each of `spread` seconds."""
    rng = np.random.default_rng(seed)
    errors = np.zeros(seconds + spread, dtype=int)
    for second in range(seconds):
        for _ in range(rng.poisson(4.0 / cluster)):
            errors[second + rng.integers(0, spread, cluster)] += 1 if spread > 1 else 0
            errors[second] += cluster if spread == 1 else 0
    found = []
    for second in range(seconds):
        split.observe(empty(start + second), int(errors[second]), 200)
        found.append(split.phi)
    return found


def test_independent_errors_are_hardly_tempered() -> None:
    """Each error by itself: phi is near the margin once it is settled, and has been large before."""
    split = SplitByTime()
    found = fed(split, SETTLED_S, 1)
    assert split.measured
    assert found[-1] < 2.5
    assert found[0] == UNMEASURED
    assert found[0] > found[10] > found[30] > found[-1]


def test_before_any_traffic_there_is_nothing_to_doubt() -> None:
    """A baseline that never had a request, as at full weight: phi is 1."""
    split = SplitByTime()
    for second in range(100):
        split.observe(empty(second), 0, 0)
    split.freeze()
    assert (split.phi, split.seen, split.measured) == (1.0, False, False)


def test_clustered_errors_are_measured_within_the_minute() -> None:
    """Four at once vary four times as much, and phi says so, margins included."""
    assert 3.0 < fed(SplitByTime(), 60, 4)[-1] < 12.0


def test_clusters_spread_over_seconds_are_measured_too() -> None:
    """By panes of a second they look half independent; blocks of ten seconds tell."""
    split = SplitByTime()
    assert fed(split, SETTLED_S, 8, spread=5)[-1] > 4.0


@pytest.mark.parametrize("seconds", [1, 9, 10, 29, 30, 61])
def test_it_is_settled_before_what_it_tempers(seconds: int) -> None:
    """Whatever the errors of a pane are, the phi that is left behind for that pane is the same."""
    phis = []
    for last in (0, 150):
        split = SplitByTime()
        fed(split, seconds, 3)
        split.observe(empty(seconds), last, 200)
        phis.append(split.phi)
    assert phis[0] == phis[1]


def test_phi_is_frozen_within_a_stage() -> None:
    """Once measured, errors may cluster as they like: phi changes with the next stage only."""
    split = SplitByTime()
    first = fed(split, SETTLED_S, 1)[-1]
    assert set(fed(split, 600, 10, start=SETTLED_S, seed=2)) == {first}
    split.freeze()
    assert split.phi > 2.0 * first


def test_a_new_stage_does_not_settle_what_is_unknown() -> None:
    """A stage that begins after a few seconds leaves the doubt in place."""
    split = SplitByTime()
    found = fed(split, 20, 1)
    split.freeze()
    assert split.phi == found[-1] > 2.0
    assert not split.measured


def test_long_panes_are_doubted_for_as_long_as_blocks() -> None:
    """Panes of ten seconds are blocks: six of them weigh as much as the doubt."""
    split = SplitByTime()
    found = []
    for index in range(40):
        split.observe(empty(10 * index, 10), 5, 2_000)
        found.append(split.phi)
    assert found[0] == UNMEASURED
    assert found[8] == pytest.approx((6 * 1.0 + 6 * UNMEASURED) / 12)  # of eight panes, six are between two others
    assert found[-1] == 1.0


def test_a_pane_between_two_others_weighs_a_twelfth_of_the_doubt() -> None:
    """Steady errors: by hand, after fourteen panes of a second."""
    split = SplitByTime()
    for second in range(15):
        split.observe(empty(second), 5, 200)
    assert OF_PANES.weight == 12
    assert split.phi == pytest.approx((12 * 1.0 + 12 * UNMEASURED) / 24)


def test_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, before and in the middle of blocks, and after it was settled."""
    split, rng = SplitByTime(), np.random.default_rng(4)
    for second in range(-3, SETTLED_S + 25):
        other = SplitByTime()
        other.load(json.loads(json.dumps(split.dump(), allow_nan=False)))
        errors = 3 * int(rng.poisson(0.5))
        for each in (split, other):
            each.observe(empty(second), errors, 200 if second >= 0 else 0)
            if second == SETTLED_S + 3:
                each.freeze()
        assert other.dump() == split.dump()
        assert other.phi == split.phi
