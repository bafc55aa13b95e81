"""One rollout in the fold: repeats, and the panes that a watermark closes."""

from __future__ import annotations

from streams.journal import Control, Origin
from streams.judge.rollout import CONTROLS, LONGEST_SILENT_WALK_MS, JudgedRollout
from streams.judge.watermarks import EventTimeState

PANE_MS = 1_000


def bounds(rollout: JudgedRollout, watermark: int | None) -> list[tuple[int, int]]:
    """Return start and end of each pane that this watermark closes."""
    return [(pane.start, pane.end) for pane in rollout.panes(EventTimeState(watermark, True, False), PANE_MS)]


def order(partition: int, offset: int) -> Control:
    """Return an order from this place."""
    return Control(rollout="r", control="pause", by="ann", at=0, origin=Origin("t", partition, offset))


def test_an_order_counts_once() -> None:
    """By its place; the sequencer sends again what it may not have sent."""
    rollout = JudgedRollout()
    assert [rollout.is_repeat(order(0, offset)) for offset in (4, 4, 3, 5)] == [False, True, True, False]
    assert not rollout.is_repeat(order(1, 4))
    assert not rollout.is_repeat(Control(rollout="r", control="pause", by="ann", at=0))


def test_the_watermark_closes_whole_panes() -> None:
    """The rest waits for more time."""
    rollout = JudgedRollout()
    assert bounds(rollout, None) == []
    assert bounds(rollout, 2_999) == [(0, 1_000), (1_000, 2_000)]
    assert bounds(rollout, 2_999) == []
    assert bounds(rollout, 3_000) == [(2_000, 3_000)]


def test_missing_events_are_reported_with_the_next_pane() -> None:
    """Once."""
    rollout = JudgedRollout(late={"canary": 7})
    rollout.add_missing("canary", late=1, refused=0)
    rollout.add_missing("stable", late=0, refused=3)
    panes = rollout.panes(EventTimeState(2_000, True, False), PANE_MS)
    assert [(pane.late, pane.refused) for pane in panes] == [({"canary": 8}, {"stable": 3}), ({}, {})]


def test_without_a_policy_no_cohort_is_missed() -> None:
    """Nobody has named its cohorts yet."""
    rollout = JudgedRollout()
    rollout.refuse_for_all(5)
    assert (rollout.cohorts, rollout.refused) == ((), {})


def test_a_long_silence_is_not_walked_through() -> None:
    """A year without events gives two panes, up to the watermark, and not thirty million."""
    rollout = JudgedRollout()
    year = 365 * 24 * LONGEST_SILENT_WALK_MS
    found = bounds(rollout, year)
    assert len(found) < 5
    assert found[-1][1] == rollout.join.closed_until == year


def test_every_control_has_its_signal() -> None:
    """And no two have the same."""
    assert len(set(CONTROLS.values())) == len(CONTROLS)
    assert not JudgedRollout().ended


def test_panes_within_a_hole_are_incomplete() -> None:
    """Those that begin before its end, though the watermark moves past it at once."""
    rollout = JudgedRollout()
    panes = rollout.panes(EventTimeState(4_000, True, False, 2_500), PANE_MS)
    assert [pane.complete for pane in panes] == [False, False, False, True]
