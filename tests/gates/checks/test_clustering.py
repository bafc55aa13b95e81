"""By how much evidence is tempered: measured on the baseline's halves, and settled before the panes it applies to."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gates.checks.clustering import Clustering
from gates.stats.dispersion import MIN_BLOCKS
from tests.gates.checks.made import cell, pane

CLASSES = ("5xx", "error")
BLOCKS = MIN_BLOCKS + 1  # the last one is still open


def halves(rng: np.random.Generator, cluster: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """A second of 100 requests in either half, whose errors come `cluster` at once and fall into one half together."""
    errors = [0, 0]
    for _ in range(rng.poisson(2.0)):
        errors[int(rng.integers(2))] += cluster
    return (100, min(100, errors[0])), (100, min(100, errors[1]))


def fed(clustering: Clustering, blocks: int, cluster: int, start: int = 0, seed: int = 1) -> list[float]:
    """Feed so many blocks of ten seconds; returns phi after each pane."""
    rng, found = np.random.default_rng(seed), []
    for second in range(start, start + blocks * 10):
        known = halves(rng, cluster)
        baseline = cell(200, known[0][1] + known[1][1], halves=known)
        clustering.observe(pane(second, None, baseline), baseline)
        found.append(clustering.phi)
    return found


def test_independent_errors_are_hardly_tempered() -> None:
    """Each error by itself: phi is near the margin."""
    known = Clustering(CLASSES, 1.0)
    assert fed(known, BLOCKS, 1)[-1] < 2.0
    assert known.measured


def test_clustered_errors_are_measured() -> None:
    """Four at once vary four times as much, and phi says so, margin included."""
    known = Clustering(CLASSES, 1.0)
    assert 3.0 < fed(known, BLOCKS + 60, 4)[-1] < 9.0


def test_before_the_first_estimate_it_is_what_the_policy_says() -> None:
    """Five minutes of blocks with errors come first; then the first estimate holds at once, and not a pane earlier."""
    found = fed(Clustering(CLASSES, 2.5), BLOCKS + 1, 8)
    assert set(found[: MIN_BLOCKS * 10]) == {2.5}
    assert found[MIN_BLOCKS * 10] > 4.0


def test_what_the_policy_assumes_is_the_least() -> None:
    """A measured phi below the assumed one does not lower it."""
    assert fed(Clustering(CLASSES, 6.0), BLOCKS, 1)[-1] == 6.0


def test_phi_is_frozen_within_a_stage() -> None:
    """After the first estimate, errors may cluster as they like: phi changes with the next stage only."""
    known = Clustering(CLASSES, 1.0)
    first = fed(known, BLOCKS, 1)[-1]
    assert set(fed(known, 60, 10, start=BLOCKS * 10, seed=2)) == {first}
    known.freeze()
    assert known.phi > 2.0 * first


@pytest.mark.parametrize("classes", [CLASSES, ()])
def test_without_users_or_classes_nothing_is_measured(classes: tuple[str, ...]) -> None:
    """Events without users, or a figure that no outcome says: the policy's word stands for ever."""
    known = Clustering(classes, 1.5)
    for second in range(1_000):
        plain = cell(200, 5, halves=None if classes else ((100, 5), (100, 0)))
        known.observe(pane(second, None, plain), plain)
    known.freeze()
    assert (known.phi, known.measured) == (1.5, False)


def test_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, in the middle of a block and after the first estimate."""
    known, rng = Clustering(CLASSES, 1.0), np.random.default_rng(4)
    for second in range(BLOCKS * 10 + 25):
        other = Clustering(CLASSES, 1.0)
        other.load(json.loads(json.dumps(known.dump())))
        parts = halves(rng, 3)
        baseline = cell(200, parts[0][1] + parts[1][1], halves=parts)
        for each in (known, other):
            each.observe(pane(second, None, baseline), baseline)
        assert other.dump() == known.dump()
        assert other.phi == known.phi
