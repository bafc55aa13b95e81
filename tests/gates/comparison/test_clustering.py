"""Whose word holds on clustered errors: the policy's, the users', or that of time."""

from __future__ import annotations

import json

from gates.comparison.clustering import Clustering
from gates.stats.dispersion import UNMEASURED
from tests.gates.pane_builders import cell, pane

CLASSES = ("5xx", "error")


def fed(clustering: Clustering, seconds: int, start: int = 0, *, users: bool = False) -> list[float]:
    """Feed so many seconds of 200 requests, of which each eighth second has 16 errors, all of one half."""
    found = []
    for second in range(start, start + seconds):
        errors = 0 if second % 8 else 16
        halves = ((100, errors), (100, 0)) if users else None
        baseline = cell(200, errors, halves=halves)
        clustering.observe(pane(second, None, baseline), baseline, errors, 200)
        found.append(clustering.phi)
    return found


def test_what_the_policy_says_holds_where_there_are_no_users() -> None:
    """1 as well: who says that errors are independent is believed from the first pane on."""
    for stated in (1.0, 2.5):
        clustering = Clustering(CLASSES, stated, in_time=True)
        assert set(fed(clustering, 400)) == {stated}
        assert not clustering.measured


def test_where_the_policy_says_nothing_time_is_measured() -> None:
    """With doubt at first."""
    clustering = Clustering(CLASSES, None, in_time=True)
    assert clustering.phi == 1.0
    found = fed(clustering, 400)
    assert found[0] == UNMEASURED
    assert clustering.measured
    assert found[-1] > 2.0


def test_a_figure_that_is_no_count_is_left_alone() -> None:
    """A mean of a metric varies from pane to pane for reasons of its own."""
    assert set(fed(Clustering((), None), 100)) == {1.0}


def test_with_the_first_user_the_split_of_users_takes_over() -> None:
    """It begins with its own doubt; what time said is not asked any more."""
    clustering = Clustering(CLASSES, None, in_time=True)
    fed(clustering, 100)
    found = fed(clustering, 400, start=100, users=True)
    only = fed(Clustering(CLASSES, None), 400, start=100, users=True)
    assert found == only
    assert found[0] == UNMEASURED


def test_what_the_policy_says_is_the_least_where_there_are_users() -> None:
    """A measured phi below the stated one does not lower it; a larger one counts."""
    assert fed(Clustering(CLASSES, 500.0), 400, users=True)[-1] == 500.0
    assert fed(Clustering(CLASSES, 1.0), 400, users=True)[-1] > 2.0


def test_a_dump_goes_on_bit_for_bit() -> None:
    """Through JSON, with users and without."""
    for users in (False, True):
        clustering = Clustering(CLASSES, None, in_time=True)
        for second in range(0, 360, 7):
            fed(clustering, 7, start=second, users=users)
            other = Clustering(CLASSES, None, in_time=True)
            other.load(json.loads(json.dumps(clustering.dump(), allow_nan=False)))
            clustering.freeze()
            other.freeze()
            assert other.dump() == clustering.dump()
            assert (other.phi, other.measured) == (clustering.phi, clustering.measured)
