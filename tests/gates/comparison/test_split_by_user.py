"""phi from the halves of the baseline's users, settled before the panes it applies to."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gates.comparison.split_by_user import SplitByUser
from gates.stats.dispersion import MIN_BLOCKS, UNMEASURED
from tests.gates.pane_builders import cell, pane

CLASSES = ("5xx", "error")
BLOCKS = MIN_BLOCKS + 1  # the last one is still open


def halves(rng: np.random.Generator, cluster: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """A second of 100 requests in either half, whose errors come `cluster` at once and fall into one half together."""
    errors = [0, 0]
    for _ in range(rng.poisson(2.0)):
        errors[int(rng.integers(2))] += cluster
    return (100, min(100, errors[0])), (100, min(100, errors[1]))


def fed(split: SplitByUser, blocks: int, cluster: int, start: int = 0, seed: int = 1) -> list[float]:
    """Feed so many blocks of ten seconds; returns phi after each pane."""
    rng, found = np.random.default_rng(seed), []
    for second in range(start, start + blocks * 10):
        known = halves(rng, cluster)
        baseline = cell(200, known[0][1] + known[1][1], halves=known)
        split.observe(pane(second, None, baseline), baseline)
        found.append(split.phi)
    return found


def test_independent_errors_are_hardly_tempered() -> None:
    """Each error by itself: phi is near the margin."""
    known = SplitByUser(CLASSES)
    assert fed(known, BLOCKS, 1)[-1] < 3.0
    assert known.measured


def test_clustered_errors_are_measured() -> None:
    """Four at once vary four times as much, and phi says so, margins included."""
    known = SplitByUser(CLASSES)
    assert 3.0 < fed(known, BLOCKS + 60, 4)[-1] < 12.0


def test_where_it_can_be_measured_and_is_not_yet_it_is_taken_for_large() -> None:
    """From the first event with a user on; it comes down with the blocks that have errors, and does not jump."""
    known = SplitByUser(CLASSES)
    assert (known.phi, known.seen) == (1.0, False)
    found = fed(known, BLOCKS, 1)
    assert found[0] == UNMEASURED
    assert found[-1] < found[MIN_BLOCKS * 10 // 2] < UNMEASURED


def test_it_is_settled_before_what_it_tempers() -> None:
    """Whatever the errors of a pane are, the phi that is left behind for that pane is the same."""
    for seconds in (1, 25, 400):
        phis = []
        for last in (0, 100):
            known = SplitByUser(CLASSES)
            if seconds > 1:
                fed(known, seconds // 10, 3)
            baseline = cell(200, last, halves=((100, last), (100, 0)))
            known.observe(pane(seconds // 10 * 10, None, baseline), baseline)
            phis.append(known.phi)
        assert phis[0] == phis[1]


def test_phi_is_frozen_within_a_stage() -> None:
    """Once measured, errors may cluster as they like: phi changes with the next stage only."""
    known = SplitByUser(CLASSES)
    first = fed(known, BLOCKS, 1)[-1]
    assert known.measured
    assert set(fed(known, 60, 10, start=BLOCKS * 10, seed=2)) == {first}
    known.freeze()
    assert known.phi > 2.0 * first


@pytest.mark.parametrize("classes", [CLASSES, ()])
def test_without_users_or_classes_nothing_is_measured(classes: tuple[str, ...]) -> None:
    """Events without users, or a figure that no outcome says: for ever as if independent."""
    known = SplitByUser(classes)
    for second in range(1_000):
        plain = cell(200, 5, halves=None if classes else ((100, 5), (100, 0)))
        known.observe(pane(second, None, plain), plain)
    known.freeze()
    assert (known.phi, known.seen, known.measured) == (1.0, False, False)


def test_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, in the middle of a block and after the first estimate."""
    known, rng = SplitByUser(CLASSES), np.random.default_rng(4)
    for second in range(BLOCKS * 10 + 25):
        other = SplitByUser(CLASSES)
        other.load(json.loads(json.dumps(known.dump())))
        parts = halves(rng, 3)
        baseline = cell(200, parts[0][1] + parts[1][1], halves=parts)
        for each in (known, other):
            each.observe(pane(second, None, baseline), baseline)
        assert other.dump() == known.dump()
        assert other.phi == known.phi
