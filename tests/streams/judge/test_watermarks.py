"""Watermarks: live, idle, stalled and broken sources, drawn as small cases.

Seconds stand for milliseconds / 1000 on one clock, wall and event time alike. `report(0, at=10, newest=9)` is a
worker's report at wall second 10 that source partition 0 has events up to second 9.
"""

import itertools

import pytest

from streams.cells import SourcePartition
from streams.journal import Progress, SourceProgress, Timing
from streams.judge.journal_time import RECENT_RECORDS
from streams.judge.sources import SourceFinding, SourceHole, SourceMadeAgain
from streams.judge.watermarks import EventTimeState, Watermarks
from tests.streams.judge.restarts import marks_bytes, reloaded_marks

S = 1_000
TIMING = Timing(out_of_orderness=2 * S, idle_timeout=5 * S, stall_timeout=30 * S)


class InSeconds(Watermarks):
    """Watermarks whose reports are in seconds."""

    def report(
        self, partition: int, *, at: float, newest: float | None, position: int = 0, caught_up: bool = True
    ) -> EventTimeState:
        """One worker reports one source partition."""
        ms = None if newest is None else round(newest * S)
        source = SourceProgress(SourcePartition("events", partition), position, ms, caught_up)
        self.apply(Progress(worker="w", wall=round(at * S), sources=[source]))
        return self.event_time(TIMING)

    def silence(self, *, at: float) -> EventTimeState:
        """A worker that owns no source partition reports the time, while the others report nothing."""
        for _ in range(RECENT_RECORDS):
            self.apply(Progress(worker="idler", wall=round(at * S), sources=[]))
        return self.event_time(TIMING)


def seconds(watermark: float, *, complete: bool = True, broken: bool = False) -> EventTimeState:
    """Return the state with this watermark in seconds."""
    return EventTimeState(round(watermark * S), complete, broken)


NOT_YET = EventTimeState(None, True, False)


def test_trails_the_newest_event() -> None:
    """One live source: its newest event less the out-of-orderness."""
    marks = InSeconds()
    assert marks.report(0, at=100, newest=99) == seconds(97)
    assert marks.report(0, at=101, newest=100.5) == seconds(98.5)


def test_the_slowest_live_source_says() -> None:
    """Of several live sources the one furthest behind in event time holds the watermark."""
    marks = InSeconds()
    marks.report(0, at=100, newest=99)
    assert marks.report(1, at=100, newest=80, caught_up=False) == seconds(78)


def test_a_caught_up_silent_source_is_left_out() -> None:
    """A source that has caught up and is silent past the idle timeout no longer holds the watermark."""
    marks = InSeconds()
    marks.report(1, at=100, newest=90)
    marks.report(0, at=105, newest=105)
    assert marks.report(1, at=105, newest=90) == seconds(88)
    marks.report(0, at=105.1, newest=105)
    assert marks.report(1, at=105.1, newest=90) == seconds(103)


def test_an_empty_source_is_no_hindrance() -> None:
    """A source partition that never had an event, read to its end, is idle from the start."""
    marks = InSeconds()
    marks.report(1, at=100, newest=None)
    assert marks.report(0, at=100, newest=100) == seconds(98)


def test_a_source_yet_to_be_read_holds_everything() -> None:
    """A source that is behind and has not reported an event: the watermark is not known, until it stalls."""
    marks = InSeconds()
    marks.report(0, at=100, newest=100)
    assert marks.report(1, at=100, newest=None, caught_up=False) == NOT_YET
    marks.report(0, at=130, newest=130)
    assert marks.report(1, at=130, newest=None, caught_up=False) == NOT_YET
    marks.report(0, at=130.1, newest=130)
    assert marks.report(1, at=130.1, newest=None, caught_up=False) == seconds(128, complete=False)


def test_without_any_live_source_the_wall_clock_moves_time() -> None:
    """If all sources are silent, the reports' wall clock moves time, so that silence becomes visible."""
    marks = InSeconds()
    marks.report(0, at=100, newest=100)
    assert marks.report(0, at=105, newest=100) == seconds(98)
    assert marks.report(0, at=106, newest=100) == seconds(99)
    assert marks.report(0, at=160, newest=100) == seconds(153)


def test_a_source_that_stands_still_is_left_out_and_missed() -> None:
    """Behind and not moving past the stall timeout: left out, and what is closed meanwhile is incomplete."""
    marks = InSeconds()
    marks.report(1, at=100, newest=100, position=7, caught_up=False)
    marks.report(0, at=130, newest=130)
    assert marks.report(1, at=130, newest=100, position=7, caught_up=False) == seconds(98)
    marks.report(0, at=130.1, newest=130)
    assert marks.report(1, at=130.1, newest=100, position=7, caught_up=False) == seconds(128, complete=False)


def test_a_source_nobody_reports_is_left_out_and_missed() -> None:
    """The worker of a source died: after the stall timeout time moves without it, and telemetry is incomplete."""
    marks = InSeconds()
    marks.report(1, at=100, newest=100)
    assert marks.report(0, at=130, newest=130) == seconds(98)
    assert marks.report(0, at=130.1, newest=130) == seconds(128, complete=False)


def test_a_silent_source_counts_as_silent_only_while_its_worker_says_so() -> None:
    """A source is idle as of its last report: the events that came after it died are waited for."""
    marks = InSeconds()
    marks.report(0, at=100, newest=100)
    marks.report(1, at=100, newest=90)
    marks.report(1, at=106, newest=90)
    assert marks.report(0, at=106, newest=106) == seconds(104)
    assert marks.report(0, at=120, newest=120) == seconds(104)
    assert marks.report(0, at=136.1, newest=136.1) == seconds(134.1, complete=False)


def test_a_report_long_under_way_counts_for_when_it_was_made() -> None:
    """A worker was stopped before it could send "caught up": by then there is more to read, so time waits for it."""
    marks = InSeconds()
    marks.report(0, at=100, newest=90)
    marks.silence(at=108)
    source = SourceProgress(SourcePartition("events", 0), 0, 90 * S, True)
    marks.apply(Progress(worker="w", wall=101 * S, sources=[source]))
    assert marks.event_time(TIMING) == seconds(88)


def test_a_source_that_reads_on_is_not_stalled() -> None:
    """A long backlog is no stall: as long as its events get newer, the watermark waits for it."""
    marks = InSeconds()
    for at in range(100, 200):
        marks.report(0, at=at, newest=at)
        reading = marks.report(1, at=at, newest=at - 50, position=at, caught_up=False)
    assert reading == seconds(147)


def test_a_source_that_reads_nothing_newer_is_stalled() -> None:
    """Messages that are no events, however many, do not hold event time forever."""
    marks = InSeconds()
    for at in range(100, 140):
        marks.report(0, at=at, newest=at)
        reading = marks.report(1, at=at, newest=50, position=at, caught_up=False)
    assert reading == seconds(137, complete=False)


def test_a_source_that_nobody_speaks_of_is_forgotten() -> None:
    """A topic that was renamed leaves partitions behind that nobody reads: after an hour they are missed no more."""
    marks = InSeconds()
    marks.report(1, at=100, newest=100)
    assert marks.report(0, at=3_700, newest=3_700) == seconds(3_698, complete=False)
    assert marks.report(0, at=3_701, newest=3_701) == seconds(3_699)


def test_a_source_that_comes_back_is_waited_for_again() -> None:
    """A stalled source that moves counts again at once; the watermark as read may then go back."""
    marks = InSeconds()
    marks.report(1, at=100, newest=100, position=7, caught_up=False)
    assert marks.report(0, at=140, newest=140) == seconds(138, complete=False)
    assert marks.report(1, at=141, newest=101, position=8, caught_up=False) == seconds(99)


def test_nobody_reporting_is_broken() -> None:
    """If every source is stalled or without a report, the wall clock moves time, and telemetry is broken."""
    marks = InSeconds()
    marks.report(0, at=100, newest=100)
    assert marks.silence(at=130) == seconds(98)
    assert marks.silence(at=130.1) == seconds(123.1, complete=False, broken=True)
    assert marks.report(0, at=131, newest=131) == seconds(129)


def test_nobody_has_reported_yet() -> None:
    """Before the first report there is patience, for one stall timeout; then telemetry is broken."""
    marks = InSeconds()
    assert marks.event_time(TIMING) == NOT_YET
    assert marks.silence(at=100) == NOT_YET
    assert marks.silence(at=130) == NOT_YET
    assert marks.silence(at=131) == seconds(124, complete=False, broken=True)


def test_an_event_from_the_future_moves_nothing_past_now() -> None:
    """An event ahead of the wall clock counts as now: it cannot close panes that are still to come."""
    marks = InSeconds()
    assert marks.report(0, at=100, newest=160) == seconds(98)
    assert marks.newest == 100 * S


def test_the_wall_clock_never_goes_back() -> None:
    """Of two workers' clocks the one ahead counts."""
    marks = InSeconds()
    marks.report(0, at=110, newest=100)
    marks.report(0, at=100, newest=101)
    assert marks.wall == 110 * S


def test_old_news_changes_nothing() -> None:
    """A repeated report, or one from a worker that is behind, does not take the newest event back."""
    marks = InSeconds()
    marks.report(0, at=100, newest=100)
    assert marks.report(0, at=100, newest=90) == seconds(98)
    assert marks.report(0, at=100, newest=None) == seconds(98)


@pytest.mark.parametrize("at", [100, 104, 106, 131, 500])
def test_snapshot_reads_the_same(at: int) -> None:
    """Watermarks that went through JSON read the same, then and later."""
    marks = InSeconds()
    marks.report(0, at=100, newest=99, position=3)
    marks.report(1, at=100, newest=None, caught_up=False)
    marks.silence(at=at)
    loaded = reloaded_marks(marks)
    assert loaded.event_time(TIMING) == marks.event_time(TIMING)
    assert marks_bytes(loaded) == marks_bytes(marks)


def test_one_wrong_clock_does_not_move_event_time() -> None:
    """A worker whose clock is a day ahead has no effect while another reports: the sources' times count."""
    marks = InSeconds()
    marks.report(0, at=99, newest=99)
    for at in range(100, 200):
        marks.apply(Progress(worker="a day ahead", wall=(at + 86_400) * S, sources=[]))
        assert marks.report(0, at=at, newest=at) == seconds(at - 2)
    assert marks.wall == 199 * S


def test_a_leap_that_all_confirm_counts() -> None:
    """After a pause of the journal all clocks are ahead: the time is what the second of them confirms."""
    marks = InSeconds()
    for worker in ("a", "b", "a", "b"):
        marks.apply(Progress(worker=worker, wall=100 * S, sources=[]))
    marks.apply(Progress(worker="a", wall=900 * S, sources=[]))
    assert marks.wall == 100 * S
    marks.apply(Progress(worker="b", wall=901 * S, sources=[]))
    assert marks.wall == 901 * S


def test_a_clock_that_is_alone_counts() -> None:
    """With one worker only, its clock is the time."""
    marks = InSeconds()
    marks.report(0, at=100, newest=100)
    assert marks.report(0, at=900, newest=900) == seconds(898)


class Reporting(InSeconds):
    """Watermarks whose reports name the partitions of the topic, 0 and 1."""

    holes: list[SourceFinding]

    def report(
        self,
        partition: int,
        *,
        at: float,
        newest: float | None,
        position: int = 0,
        caught_up: bool = True,
        since: int | None = 0,
        begins: int = 0,
        partitions: int = 2,
        topic_id: str = "",
    ) -> EventTimeState:
        """One worker reports one source partition, which it has read from `since` on."""
        ms = None if newest is None else round(newest * S)
        source = SourceProgress(
            SourcePartition("events", partition), position, ms, caught_up, 0, since, begins, topic_id
        )
        progress = Progress(worker="w", wall=round(at * S), sources=[source], partitions={"events": partitions})
        self.holes = [found for found in self.apply(progress) if isinstance(found, SourceHole | SourceMadeAgain)]
        return self.event_time(TIMING)

    def read_on(self, until: int) -> EventTimeState:
        """Both partitions are read to their ends, up to this second."""
        begin = self.wall // S + 1
        for at in range(begin, until + 1):
            self.report(0, at=at, newest=at)
            self.report(1, at=at, newest=at)
        return self.event_time(TIMING)


def hole(partition: int, first: int, upto: int) -> SourceHole:
    """Return a hole in a source partition."""
    return SourceHole(SourcePartition("events", partition), first, upto)


def test_a_partition_that_no_worker_reads_holds_everything_and_then_is_missed() -> None:
    """A partition was added: time waits for its first report; without one, what is closed is incomplete for good."""
    marks = Reporting()
    assert marks.read_on(100) == seconds(98)
    assert marks.report(0, at=101, newest=101, partitions=3) == NOT_YET
    for at in range(102, 132):
        assert marks.report(0, at=at, newest=at, partitions=3) == NOT_YET
    marks.report(1, at=132, newest=132, partitions=3)
    assert marks.report(0, at=132, newest=132, partitions=3) == seconds(130, complete=False)
    for at in range(133, 4_000):
        marks.report(1, at=at, newest=at, partitions=3)
        marks.report(0, at=at, newest=at, partitions=3)
    assert marks.event_time(TIMING) == seconds(3_997, complete=False)
    assert marks.report(2, at=4_000, newest=3_990, partitions=3) == seconds(3_988)


def test_offsets_that_nobody_counted_are_a_hole() -> None:
    """A worker begins behind where the last report ended: what closes up to its newest event is incomplete."""
    marks = Reporting()
    marks.report(0, at=100, newest=100, position=50)
    marks.report(1, at=100, newest=100, position=70)
    assert marks.report(0, at=101, newest=101, position=90, since=40) == seconds(98)
    assert marks.holes == []
    state = marks.report(0, at=102, newest=102, position=140, since=120)
    assert state == seconds(98)._replace(incomplete_until=104 * S)
    assert marks.holes == [hole(0, 90, 120)]
    marks.report(0, at=103, newest=103, position=150, since=120)
    assert marks.holes == []
    assert marks.event_time(TIMING).incomplete_until == 104 * S


def test_a_hole_before_the_first_report_is_all_that_the_topic_had() -> None:
    """A group of that name was there before: what the topic has before its offset was never counted."""
    marks = Reporting()
    marks.report(0, at=100, newest=None, position=120, since=120, begins=20)
    assert marks.holes == [hole(0, 20, 120)]
    assert marks.event_time(TIMING).incomplete_until == 102 * S
    marks.report(1, at=100, newest=None, position=20, since=20, begins=20)
    assert marks.holes == []


def test_of_a_partition_that_was_added_the_deleted_records_are_missing_too() -> None:
    """Its first offset was 0. Whether anybody counted what an older partition has lost is not known."""
    for partitions, holes in ((3, [hole(2, 0, 40)]), (2, [])):
        marks = Reporting()
        marks.report(0, at=100, newest=100, partitions=5 - partitions)
        marks.apply(Progress(worker="w", wall=101 * S, sources=[], partitions={"events": 3}))
        marks.counts = dict(reloaded_marks(marks).counts)
        marks.report(2, at=102, newest=102, position=60, since=40, begins=40, partitions=3)
        assert marks.holes == holes
        marks.report(2, at=103, newest=103, position=70, since=40, begins=40, partitions=3)
        assert marks.holes == []


def test_reports_of_older_builds_show_no_holes() -> None:
    """Where an older build began is not known. What it reports beside newer ones counts as covered."""
    marks = Reporting()
    marks.report(0, at=100, newest=100, position=50, since=None)
    assert not marks.is_checked(SourcePartition("events", 0))
    assert not marks.is_checked(SourcePartition("events", 7))
    marks.report(0, at=101, newest=101, position=90, since=80)
    assert marks.holes == []
    assert marks.is_checked(SourcePartition("events", 0))
    marks.report(0, at=102, newest=102, position=120, since=None)
    marks.report(0, at=103, newest=103, position=130, since=120)
    assert marks.holes == []


def test_a_leap_of_wall_time_stalls_nothing() -> None:
    """All workers were away for a minute: no source had the chance to report, so event time waits for all of them."""
    marks = Reporting()
    assert marks.read_on(100) == seconds(98)
    assert marks.report(0, at=160, newest=100, caught_up=False) == seconds(98)
    for at in range(161, 185):  # the first reads its backlog, the second one's worker is only starting
        assert marks.report(0, at=at, newest=at - 40, caught_up=False) == seconds(98)
    assert marks.report(1, at=185, newest=101, caught_up=False) == seconds(99)


def test_what_makes_no_headway_after_a_leap_is_stalled_as_ever() -> None:
    """A source whose worker does not come back is left out once the others have reported for a stall timeout."""
    marks = Reporting()
    marks.read_on(100)
    for at in range(160, 189):
        assert marks.report(0, at=at, newest=at) == seconds(98)
    assert marks.report(0, at=189, newest=189) == seconds(187, complete=False)


def test_time_without_any_report_is_closed_bit_by_bit() -> None:
    """Nobody reports any more after a leap: the wall clock moves event time, but never by the leap at once."""
    marks = Reporting()
    marks.read_on(100)
    names: dict[str, int] = {"events": 2}
    closed = []
    for at in range(400, 500):
        marks.apply(Progress(worker="w", wall=at * S, sources=[], partitions=names, broker=at * S))
        closed.append(marks.event_time(TIMING))
    assert closed[27] == seconds(98)
    broken = [state.watermark for state in closed if state.broken and state.watermark is not None]
    assert broken[0] < 200 * S
    assert all(after - before == 2 * S for before, after in itertools.pairwise(broken))


def test_a_long_outage_forgets_no_source() -> None:
    """After hours without any worker, the sources of those that come back later are still waited for."""
    marks = Reporting()
    marks.read_on(100)
    assert marks.report(0, at=20_000, newest=20_000) == seconds(98)


@pytest.mark.parametrize("at", [101, 160, 4_000])
def test_snapshot_of_holes_and_leaps_reads_the_same(at: int) -> None:
    """Watermarks that went through JSON read the same, with a hole, a leap, and a partition that nobody reads."""
    marks = Reporting()
    marks.report(0, at=100, newest=99, position=3)
    marks.report(0, at=at, newest=99, position=30, since=20, partitions=3)
    loaded = reloaded_marks(marks)
    assert loaded.event_time(TIMING) == marks.event_time(TIMING)
    assert marks_bytes(loaded) == marks_bytes(marks)


def test_a_topic_that_is_made_again_with_fewer_partitions() -> None:
    """What closes before it was read is incomplete; the partition that is gone is not waited for."""
    marks = Reporting()
    for at in range(1, 11):
        for partition in range(3):
            marks.report(partition, at=at, newest=at, partitions=3, topic_id="X")
    marks.report(0, at=11, newest=11, position=4, topic_id="Y")
    assert marks.holes == [SourceMadeAgain(SourcePartition("events", 0), "Y")]
    assert set(marks.sources) == {"events/0", "events/1"}
    marks.report(1, at=11, newest=11, position=4, topic_id="Y")
    assert marks.event_time(TIMING) == seconds(9)._replace(incomplete_until=13 * S)
    marks.report(1, at=12, newest=12, position=90, topic_id="X")  # a slow worker
    assert marks.holes == []
    assert marks.sources["events/1"].position == 4
    for at in range(13, 15):
        marks.report(0, at=at, newest=at, position=9, topic_id="Y", partitions=3)  # its metadata is old
    assert "events/2" in marks.sources
    for at in range(15, 30):
        marks.report(0, at=at, newest=at, position=9, topic_id="Y")
        marks.report(1, at=at, newest=at, position=9, topic_id="Y")
    assert "events/2" not in marks.sources


def test_a_partition_that_another_worker_has_just_found_is_not_forgotten() -> None:
    """A worker whose metadata is older names fewer; the topic is the same."""
    marks = Reporting()
    for partition in range(3):
        marks.report(partition, at=1, newest=1, partitions=3, topic_id="X")
    marks.report(0, at=2, newest=2, topic_id="X")
    assert "events/2" in marks.sources
