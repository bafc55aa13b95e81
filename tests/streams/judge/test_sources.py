"""The state of one source partition: what its reports cover, and when it is stalled."""

from __future__ import annotations

from streams.cells import SourcePartition
from streams.journal import SourceProgress, Timing
from streams.judge.sources import MOST_PAST, SourceHole, SourceMadeAgain, SourceState

SOURCE = SourcePartition("events", 0)
TIMING = Timing(stall_timeout=30_000)


def a_state() -> SourceState:
    """Return a source that no worker has reported."""
    return SourceState(-1, None, False, 1_000, 1_000, 1_000)


def a_report(since: int | None, position: int, begins: int | None = 0) -> SourceProgress:
    """Return the report of a worker that has read from `since` up to `position`."""
    return SourceProgress(SOURCE, position, None, True, 0, since, begins)


def test_reports_that_follow_on_each_other_leave_no_hole() -> None:
    """Crashes, zombies and re-reads: a worker begins at or before the furthest report."""
    state = a_state()
    for since, position in ((0, 50), (0, 90), (40, 60), (0, 95), (95, 120), (0, 10), (120, 120)):
        assert state.cover(a_report(since, position)) is None
    assert state.coverage.covered == 120


def test_a_hole_is_found_once() -> None:
    """What begins behind the furthest report leaves a hole, which the next report shows no more."""
    state = a_state()
    state.cover(a_report(0, 50))
    assert state.cover(a_report(70, 90)) == SourceHole(SOURCE, 50, 70)
    assert state.cover(a_report(70, 95)) is None
    assert state.cover(a_report(0, 60)) is None


def test_where_an_older_build_began_is_not_checked() -> None:
    """A report without `since` covers what newer ones would, but shows no hole."""
    state = a_state()
    state.cover(a_report(None, 50))
    assert state.coverage.covered is None
    state.position = 50
    assert state.cover(a_report(70, 90)) is None
    assert state.cover(a_report(None, 120)) is None
    assert state.cover(a_report(120, 130)) is None


def test_a_silent_source_has_time_to_begin_again() -> None:
    """Silent for a minute, then behind: its next worker has one stall timeout for the first headway."""
    state = a_state()
    state.reported_at = 61_000
    assert state.is_stalled(61_000, TIMING)
    state.behind_at = 61_000
    assert not state.is_stalled(91_000, TIMING)
    assert state.is_stalled(91_001, TIMING)


def of_topic(identity: str, position: int = 5, since: int = 0) -> SourceProgress:
    """Return a report on the topic with this identity."""
    return SourceProgress(SOURCE, position, None, True, 0, since, since, identity)


def test_a_topic_that_is_made_again_is_covered_from_its_beginning() -> None:
    """Also if the log has lost its first records by the time it is read: nobody has counted those."""
    state = a_state()
    assert [state.turn(of_topic("", 40)), state.cover(of_topic("", 40))] == [None, None]
    assert [state.turn(of_topic("X", 50)), state.cover(of_topic("X", 50))] == [None, None]  # the next build's
    assert state.turn(of_topic("Y", 30, since=10)) == SourceMadeAgain(SOURCE, "Y")
    assert state.cover(of_topic("Y", 30, since=10)) == SourceHole(SOURCE, 0, 10)
    assert state.turn(of_topic("Y", 35)) is None
    assert (state.coverage.covered, state.coverage.topic_id) == (30, "Y")


def test_a_log_that_lost_its_end_has_no_hole_before() -> None:
    """All before was counted; what follows has the same offsets as what is lost."""
    state = a_state()
    state.turn(of_topic("X", 90))
    state.cover(of_topic("X", 90))
    assert state.turn(of_topic("X~7", 70, since=60)) == SourceMadeAgain(SOURCE, "X~7")
    assert state.cover(of_topic("X~7", 70, since=60)) is None
    assert state.turn(of_topic("X", 80)) is None
    assert not state.is_past(of_topic("X", 80))
    assert state.coverage.topic_id == "X~7"


def test_reports_on_topics_that_are_gone() -> None:
    """A slow worker's report is known by the topic's identity; only the last ones are remembered."""
    state = a_state()
    for identity in ("A", "B", "C", "D", "E"):
        assert not state.is_past(of_topic(identity))
        state.turn(of_topic(identity))
    assert [identity for identity in "ABCDE" if state.is_past(of_topic(identity))] == ["B", "C", "D"]
    assert len(state.coverage.past) == MOST_PAST
    assert not state.is_past(of_topic(""))
