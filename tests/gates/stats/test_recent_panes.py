"""The last panes of a stage: nearer to what is usual than to the bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.pane_counts import PaneCounts
from gates.stats.recent_panes import MOST_SLOTS, RecentPanes
from tests.gates.stats.contract import through_json


def of(*bad: float, usual: float = 10.0, margin: float = 0.005, most: int = 10) -> RecentPanes:
    """Panes of 1,000 requests in each cohort, of which 10 of the baseline's are bad."""
    recent = RecentPanes()
    for each in bad:
        recent.add_pane(PaneCounts(each, 10, 1_000, 1_000), usual, margin, most)
    return recent


@pytest.mark.parametrize(
    ("ratio", "margin", "usual", "allowed"),
    [(1.25, 0.005, 10.0, 13.75), (1.0, 0.0, 10.0, 10.0), (1.0, 0.0, 6.0, 8.0), (2.0, 0.0, 10.0, 15.0)],
)
def test_the_middle_between_usual_and_bound_is_allowed(
    ratio: float, margin: float, usual: float, allowed: float
) -> None:
    """With a margin or without; of a quantile, usual are those beyond the candidate's threshold."""
    assert of(allowed, usual=usual, margin=margin).are_good(ratio)
    assert not of(allowed + 0.01, usual=usual, margin=margin).are_good(ratio)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=20))
def test_only_the_last_are_looked_at_and_they_are_pooled(bad: list[int]) -> None:
    """Ten panes at most; their order does not matter."""
    assert of(*bad).are_good(1.25) is (sum(bad[-10:]) <= 13.75 * len(bad[-10:]))


@given(st.integers(1, 1_000), st.integers(1, 3_000))
def test_a_long_time_takes_little_room(most: int, panes: int) -> None:
    """At least the last `most` panes count, and less than a slot more: a day takes no more room than an hour."""
    recent, slot = RecentPanes(), -(-most // MOST_SLOTS)
    for number in range(panes):
        recent.add_alone((float(number), 1), 0.02, most)
    state = recent.dump()
    kept = sum(each[0] for each in state)
    assert min(panes, most) <= kept < most + slot
    assert len(state) <= MOST_SLOTS + 1
    assert sum(each[1][0] for each in state) == sum(range(panes - kept, panes))


def test_alone_up_to_the_objective_is_good() -> None:
    """And beside panes with a baseline, what all of them allow together."""
    recent = RecentPanes()
    assert not recent.are_good(1.25)
    recent.add_alone((2, 100), 0.02, 10)
    assert recent.are_good(1.25)
    recent.add_alone((3, 100), 0.02, 10)
    assert not recent.are_good(1.25)
    recent.add_pane(PaneCounts(12, 10, 1_000, 1_000), 10, 0.005, 10)
    assert recent.are_good(1.25)
    recent.clear()
    assert not recent.are_good(1.25)


def test_a_snapshot_continues_bit_for_bit() -> None:
    """Through JSON."""
    recent, other = of(1.5, 20, 3, usual=8.0), RecentPanes()
    recent.add_alone((2, 100), 0.02, 10)
    other.load(through_json(recent.dump()))
    for each in (recent, other):
        each.add_pane(PaneCounts(9, 10, 1_000, 1_000), 9, 0.005, 3)
    assert through_json(other.dump()) == through_json(recent.dump())
    assert other.are_good(1.25) is recent.are_good(1.25)
