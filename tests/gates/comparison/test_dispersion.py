"""phi of a comparison: its source (the policy, users, or time), its prior, and that it is fixed before the pane."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gates.comparison.dispersion import MIN_BLOCKS, PANES_PRIOR, Dispersion, DispersionByTime, DispersionByUser
from gates.panes import CLASS_POSITION, NO_DETAIL, Cell, Pane
from gates.stats.cluster_prior import PRIOR_DISPERSION
from tests.gates.pane_builders import T0, cell, pane

CLASSES = ("5xx", "error")
BLOCKS = MIN_BLOCKS + 1  # the last one is still open
SETTLED_S = (MIN_BLOCKS + 3) * 10
"""By then there are MIN_BLOCKS blocks, each between two others."""


def fed(dispersion: Dispersion, seconds: int, start: int = 0, *, users: bool = False) -> list[float]:
    """Feed seconds of 200 requests, of which each eighth has 16 errors, all of one half."""
    found = []
    for second in range(start, start + seconds):
        errors = 0 if second % 8 else 16
        halves = ((100, errors), (100, 0)) if users else None
        baseline = cell(200, errors, halves=halves)
        dispersion.observe(pane(second, None, baseline), baseline, errors, 200)
        found.append(dispersion.for_rollback)
    return found


def test_a_stated_value_applies_where_there_are_no_users() -> None:
    """From the first pane on; also 1, which states that errors are independent."""
    for stated in (1.0, 2.5):
        dispersion = Dispersion(CLASSES, stated, by_time=True)
        assert set(fed(dispersion, 400)) == {stated}


def test_without_a_stated_value_it_is_measured_by_time() -> None:
    """With the prior at first."""
    dispersion = Dispersion(CLASSES, None, by_time=True)
    assert dispersion.for_rollback == 1.0
    found = fed(dispersion, 400)
    assert found[0] == PRIOR_DISPERSION
    assert found[-1] > 2.0


def test_a_figure_that_is_no_count_is_left_alone() -> None:
    """A mean of a metric varies from pane to pane for reasons of its own."""
    assert set(fed(Dispersion((), None), 100)) == {1.0}


def test_with_the_first_user_the_split_of_users_takes_over() -> None:
    """It begins with its own prior; the estimate by time is no longer used."""
    dispersion = Dispersion(CLASSES, None, by_time=True)
    fed(dispersion, 100)
    found = fed(dispersion, 400, start=100, users=True)
    only = fed(Dispersion(CLASSES, None), 400, start=100, users=True)
    assert found == only
    assert found[0] == PRIOR_DISPERSION


def test_a_stated_value_is_the_least_where_there_are_users() -> None:
    """A measured phi below the stated one does not lower it; a larger one counts."""
    assert fed(Dispersion(CLASSES, 500.0), 400, users=True)[-1] == 500.0
    assert fed(Dispersion(CLASSES, 1.0), 400, users=True)[-1] > 2.0


def test_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, with users and without."""
    for users in (False, True):
        dispersion = Dispersion(CLASSES, None, by_time=True)
        for second in range(0, 360, 7):
            fed(dispersion, 7, start=second, users=users)
            other = Dispersion(CLASSES, None, by_time=True)
            other.load(json.loads(json.dumps(dispersion.dump(), allow_nan=False)))
            dispersion.enter_stage()
            other.enter_stage()
            assert other.dump() == dispersion.dump()
            assert (other.for_rollback, other.for_advance) == (dispersion.for_rollback, dispersion.for_advance)


def halves(rng: np.random.Generator, cluster: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """A second of 100 requests in either half, whose errors come `cluster` at once and fall into one half together."""
    errors = [0, 0]
    for _ in range(rng.poisson(2.0)):
        errors[int(rng.integers(2))] += cluster
    return (100, min(100, errors[0])), (100, min(100, errors[1]))


def by_user(known: DispersionByUser, blocks: int, cluster: int, start: int = 0, seed: int = 1) -> list[float]:
    """Feed blocks of ten seconds; returns phi after each pane."""
    rng, found = np.random.default_rng(seed), []
    for second in range(start, start + blocks * 10):
        both = halves(rng, cluster)
        baseline = cell(200, both[0][1] + both[1][1], halves=both)
        known.observe(pane(second, None, baseline), baseline)
        found.append(known.for_rollback)
    return found


def test_by_user_independent_errors_are_hardly_divided() -> None:
    """Each error by itself: phi is near the margin."""
    known = DispersionByUser(CLASSES)
    assert by_user(known, BLOCKS, 1)[-1] < 3.0
    assert known.settled


def test_by_user_clustered_errors_are_measured() -> None:
    """Four at once vary four times as much, and so does phi, margins included."""
    known = DispersionByUser(CLASSES)
    assert 3.0 < by_user(known, BLOCKS + 60, 4)[-1] < 12.0


def test_by_user_where_it_can_be_measured_and_is_not_yet_it_is_taken_for_large() -> None:
    """From the first event with a user on; it comes down with the blocks that have errors, and does not jump."""
    known = DispersionByUser(CLASSES)
    assert (known.for_rollback, known.observed) == (1.0, False)
    found = by_user(known, BLOCKS, 1)
    assert found[0] == PRIOR_DISPERSION
    assert found[-1] < found[MIN_BLOCKS * 10 // 2] < PRIOR_DISPERSION


def test_by_user_it_is_settled_before_the_pane() -> None:
    """Whatever the errors of a pane are, the phi that is left behind for that pane is the same."""
    for seconds in (1, 25, 400):
        phis = []
        for last in (0, 100):
            known = DispersionByUser(CLASSES)
            if seconds > 1:
                by_user(known, seconds // 10, 3)
            baseline = cell(200, last, halves=((100, last), (100, 0)))
            known.observe(pane(seconds // 10 * 10, None, baseline), baseline)
            phis.append(known.for_rollback)
        assert phis[0] == phis[1]


def test_by_user_phi_is_frozen_within_a_stage() -> None:
    """Once measured, errors may cluster as they like: phi changes with the next stage only."""
    known = DispersionByUser(CLASSES)
    first = by_user(known, BLOCKS, 1)[-1]
    assert known.settled
    assert set(by_user(known, 60, 10, start=BLOCKS * 10, seed=2)) == {first}
    known.enter_stage()
    assert known.for_rollback > 2.0 * first


@pytest.mark.parametrize("classes", [CLASSES, ()])
def test_by_user_without_users_or_classes_nothing_is_measured(classes: tuple[str, ...]) -> None:
    """Events without users, or a figure that no outcome counts for: errors are taken for independent."""
    known = DispersionByUser(classes)
    for second in range(1_000):
        plain = cell(200, 5, halves=None if classes else ((100, 5), (100, 0)))
        known.observe(pane(second, None, plain), plain)
    known.enter_stage()
    assert (known.for_rollback, known.observed, known.settled) == (1.0, False, False)


def test_by_user_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, in the middle of a block and after the first estimate."""
    known, rng = DispersionByUser(CLASSES), np.random.default_rng(4)
    for second in range(BLOCKS * 10 + 25):
        other = DispersionByUser(CLASSES)
        other.load(json.loads(json.dumps(known.dump())))
        parts = halves(rng, 3)
        baseline = cell(200, parts[0][1] + parts[1][1], halves=parts)
        for each in (known, other):
            each.observe(pane(second, None, baseline), baseline)
        assert other.dump() == known.dump()
        assert other.for_rollback == known.for_rollback


def empty(second: int, length_s: int = 1) -> Pane:
    """A pane of which only the time is looked at."""
    return Pane(T0 + second * 1_000, T0 + (second + length_s) * 1_000)


def by_time(
    known: DispersionByTime, seconds: int, cluster: int, start: int = 0, seed: int = 1, spread: int = 1
) -> list[float]:
    """Feed seconds of 200 requests; errors come `cluster` at once, or one in each of `spread` seconds."""
    rng = np.random.default_rng(seed)
    errors = np.zeros(seconds + spread, dtype=int)
    for second in range(seconds):
        for _ in range(rng.poisson(4.0 / cluster)):
            errors[second + rng.integers(0, spread, cluster)] += 1 if spread > 1 else 0
            errors[second] += cluster if spread == 1 else 0
    found = []
    for second in range(seconds):
        known.observe(empty(start + second), int(errors[second]), 200)
        found.append(known.for_rollback)
    return found


def test_by_time_independent_errors_are_hardly_divided() -> None:
    """Each error by itself: phi is near the margin once it is settled, and has been large before."""
    known = DispersionByTime()
    found = by_time(known, SETTLED_S, 1)
    assert known.settled
    assert found[-1] < 2.5
    assert found[0] == PRIOR_DISPERSION
    assert found[0] > found[10] > found[30] > found[-1]


def test_by_time_before_any_traffic_phi_is_one() -> None:
    """A baseline that never had a request, as at full weight."""
    known = DispersionByTime()
    for second in range(100):
        known.observe(empty(second), 0, 0)
    known.enter_stage()
    assert (known.for_rollback, known.observed, known.settled) == (1.0, False, False)


def test_by_time_clustered_errors_are_measured_within_the_minute() -> None:
    """Four at once vary four times as much, and so does phi, margins included."""
    assert 3.0 < by_time(DispersionByTime(), 60, 4)[-1] < 12.0


def test_by_time_clusters_spread_over_seconds_are_measured_too() -> None:
    """By panes of a second they look half independent; blocks of ten seconds show them."""
    known = DispersionByTime()
    assert by_time(known, SETTLED_S, 8, spread=5)[-1] > 4.0


@pytest.mark.parametrize("seconds", [1, 9, 10, 29, 30, 61])
def test_by_time_it_is_settled_before_the_pane(seconds: int) -> None:
    """Whatever the errors of a pane are, the phi that is left behind for that pane is the same."""
    phis = []
    for last in (0, 150):
        known = DispersionByTime()
        by_time(known, seconds, 3)
        known.observe(empty(seconds), last, 200)
        phis.append(known.for_rollback)
    assert phis[0] == phis[1]


def test_by_time_phi_is_frozen_within_a_stage() -> None:
    """Once measured, errors may cluster as they like: phi changes with the next stage only."""
    known = DispersionByTime()
    first = by_time(known, SETTLED_S, 1)[-1]
    assert set(by_time(known, 600, 10, start=SETTLED_S, seed=2)) == {first}
    known.enter_stage()
    assert known.for_rollback > 2.0 * first


def test_by_time_a_new_stage_does_not_settle_what_is_unknown() -> None:
    """A stage that begins after a few seconds leaves the prior in place."""
    known = DispersionByTime()
    found = by_time(known, 20, 1)
    known.enter_stage()
    assert known.for_rollback == found[-1] > 2.0
    assert not known.settled


def test_by_time_long_panes_have_the_prior_of_blocks() -> None:
    """Panes of ten seconds are blocks: six weigh as much as the prior. Of eight panes, six are between two others."""
    known = DispersionByTime()
    found = []
    for index in range(40):
        known.observe(empty(10 * index, 10), 5, 2_000)
        found.append(known.for_rollback)
    assert found[0] == PRIOR_DISPERSION
    assert found[8] == pytest.approx((6 * 1.0 + 6 * PRIOR_DISPERSION) / 12)
    assert found[-1] == 1.0


def test_by_time_a_pane_between_two_others_weighs_a_twelfth_of_the_prior() -> None:
    """Steady errors: by hand, after fourteen panes of a second."""
    known = DispersionByTime()
    for second in range(15):
        known.observe(empty(second), 5, 200)
    assert PANES_PRIOR.weight == 12
    assert known.for_rollback == pytest.approx((12 * 1.0 + 12 * PRIOR_DISPERSION) / 24)


def test_by_time_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, before and in the middle of blocks, and after it was settled."""
    known, rng = DispersionByTime(), np.random.default_rng(4)
    for second in range(-3, SETTLED_S + 25):
        other = DispersionByTime()
        other.load(json.loads(json.dumps(known.dump(), allow_nan=False)))
        errors = 3 * int(rng.poisson(0.5))
        for each in (known, other):
            each.observe(empty(second), errors, 200 if second >= 0 else 0)
            if second == SETTLED_S + 3:
                each.enter_stage()
        assert other.dump() == known.dump()
        assert other.for_rollback == known.for_rollback


def turned_away(known: Cell) -> Cell:
    """Return the cell with 429 in place of each 5xx."""

    def moved(counts: tuple[int, ...]) -> tuple[int, ...]:
        found = list(counts)
        found[CLASS_POSITION["4xx"]], found[CLASS_POSITION["5xx"]] = found[CLASS_POSITION["5xx"]], 0
        return tuple(found)

    classes = len(known.counts)
    halves = known.detail.halves[:classes], known.detail.halves[classes:]
    exact = {2 * 429 + half: halves[half][CLASS_POSITION["5xx"]] for half in (0, 1)}
    detail = replace(known.detail, halves=moved(halves[0]) + moved(halves[1]), statuses=exact)
    errors = known.counts[CLASS_POSITION["5xx"]]
    kept = known.detail if known.detail == NO_DETAIL else detail
    return replace(known, counts=moved(known.counts), statuses={429: errors}, detail=kept)


@pytest.mark.parametrize("users", [False, True])
def test_exact_statuses_are_measured_as_classes_are(users: bool) -> None:
    """The same errors with another status have the same phi, also after a snapshot within a block."""
    by_class, exact = (Dispersion((word,), None, by_time=True) for word in ("5xx", 429))
    rng = np.random.default_rng(1)
    for second in range(400):
        both = halves(rng, 8)
        errors = both[0][1] + both[1][1]
        baseline = cell(200, errors, halves=both if users else None)
        other = turned_away(baseline)
        if second % 7 == 0:
            restored = Dispersion((429,), None, by_time=True)
            restored.load(json.loads(json.dumps(exact.dump())))
            exact = restored
        assert exact.observe(pane(second, None, other), other, errors, 200) == by_class.observe(
            pane(second, None, baseline), baseline, errors, 200
        )
    assert exact.for_rollback > 3.0
