"""When blocks end: a length is fixed as its block opens, and the next look can be announced."""

from __future__ import annotations

import json

import pytest

from gates.stats.block_clock import BlockClock
from gates.stats.pane_counts import PaneCounts

TWENTIETH = PaneCounts(0, 9, 50, 950)


def test_the_next_look_counts_down_and_begins_again() -> None:
    """Three panes at a share of 5%; between two blocks the length is that of the one to come."""
    clock, looks = BlockClock(1.25, 1.0, 0.05), []
    for _ in range(4):
        looks.append(clock.next_look(1.0))
        clock.opens(1.0)
        clock.add_pane(TWENTIETH)
    assert looks == [(3, 3), (2, 3), (1, 3), (3, 3)]


def test_a_longer_correlation_counts_from_the_next_block_on() -> None:
    """The open block keeps its length, or what is in it would decide how much it counts."""
    clock = BlockClock(1.25, 1.0, 0.05)
    clock.opens(1.0)
    clock.add_pane(TWENTIETH)
    assert clock.next_look(12.0) == (2, 3)
    assert not clock.opens(12.0)
    assert [clock.add_pane(TWENTIETH) for _ in range(2)] == [False, True]
    assert clock.next_look(12.0) == (31, 31)
    assert clock.opens(12.0)
    clock.add_pane(TWENTIETH)
    assert clock.next_look(1.0) == (30, 31)


def test_without_one_of_the_cohorts_the_last_length_is_kept() -> None:
    """Nothing better is known."""
    clock = BlockClock(1.25, 1.0, 0.05)
    for _ in range(12):
        clock.opens(1.0)
        clock.add_pane(PaneCounts(0, 0, 0, 0))
    assert clock.next_look(1.0) == (3, 3)


def test_a_candidate_alone_has_blocks_of_its_own() -> None:
    """As long as the largest factor is for its objective: 1 / 2% is e^3.9. A block of the other kind ends before."""
    clock = BlockClock(1.25, 1.0, 0.05)
    clock.opens(1.0)
    clock.add_pane(TWENTIETH)
    assert [clock.interrupted(alone=False), clock.interrupted(alone=True)] == [False, True]
    assert clock.opens(1.0, 0.02)
    assert clock.next_look(1.0) == (4, 4)
    clock.add_pane(PaneCounts(1, 0, 100, 0))
    assert clock.next_look(1.0) == (3, 4)
    assert [clock.interrupted(alone=True), clock.interrupted(alone=False)] == [False, True]
    assert clock.next_look(2.0) == (8, 8)
    assert clock.opens(1.0)
    assert clock.next_look(1.0) == (2, 2)  # of 150 requests of the candidate lately, and 950


@pytest.mark.parametrize("objective", [None, 0.02])
def test_a_dump_goes_on_bit_for_bit(objective: float | None) -> None:
    """In the middle of a block."""
    clock, other = BlockClock(1.25, 1.0, 0.05), BlockClock(1.25, 1.0, 0.5)
    for bad in range(5):
        clock.opens(1.0, objective)
        clock.add_pane(PaneCounts(0, bad, 7, 90))
    other.load(json.loads(json.dumps(clock.dump())))
    assert other.dump() == clock.dump()
    assert other.next_look(2.5) == clock.next_look(2.5)
    assert other.opens(2.5) == clock.opens(2.5)
    assert other.dump() == clock.dump()
