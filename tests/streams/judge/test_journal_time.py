"""Journal time: wrong clocks are not followed, right ones are in the end, and silence is noticed whatever they show."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cells import SourcePartition
from streams.journal import Progress, SourceProgress, Timing
from streams.judge.journal_time import (
    BEHIND_MS,
    CONFIRMED_MS,
    LEAP_MS,
    UNCONFIRMED_MS,
    ClockLeap,
    claimed_time,
    patience,
)
from streams.judge.watermarks import Watermarks
from tests.streams.judge.restarts import marks_bytes, reloaded_marks

T0 = 1_767_225_600_000
S, MINUTE, DAY = 1_000, 60_000, 86_400_000
TIMING = Timing(out_of_orderness=2 * S, idle_timeout=5 * S, stall_timeout=30 * S)
SOURCE = SourcePartition("events", 0)


@dataclass
class World:
    """Workers with clocks of their own, one of them with a source partition, and a journal partition's watermarks.

    `now` is the true time; a worker's clock differs from it by `off`. With `broker` the workers know the broker's
    time. Requests arrive while there is `traffic`. Those in `older` are of a build that writes less.
    """

    workers: tuple[str, ...] = ("a",)
    broker: bool = True
    traffic: bool = True
    now: int = T0
    newest: int = T0
    position: int = 0
    off: dict[str, int] = field(default_factory=dict)
    older: tuple[str, ...] = ()
    marks: Watermarks = field(default_factory=Watermarks)
    leaps: list[ClockLeap] = field(default_factory=list)

    def run(self, ms: int, step: int = 500) -> None:
        """Let this much true time pass, with a record of each worker every `step`."""
        until = self.now + ms
        while self.now < until:
            self.now += step
            if self.traffic:
                self.newest, self.position = self.now - 100, self.position + 1
            for worker in self.workers:
                self.report(worker)

    def report(self, worker: str) -> None:
        """One worker writes a progress record, the first one also on the source."""
        source = SourceProgress(SOURCE, self.position, self.newest, True, 0, 0, 0)
        record = Progress(
            worker=worker,
            wall=self.now + self.off.get(worker, 0),
            sources=[source] if worker == self.workers[0] else [],
            partitions=None if worker in self.older else {SOURCE.topic: 1},
            broker=self.now if self.broker and worker not in self.older else None,
        )
        before = self.marks.wall
        self.leaps += [found for found in self.marks.apply(record) if isinstance(found, ClockLeap)]
        assert self.marks.wall >= before

    @property
    def ahead(self) -> int:
        """How far journal time is ahead of the true time."""
        return self.marks.wall - self.now

    @property
    def lag(self) -> int:
        """How far the true time is ahead of the watermark."""
        watermark = self.marks.event_time(TIMING).watermark
        assert watermark is not None
        return self.now - watermark


LIVE, SILENT = 3 * S, 8 * S
"""How far the watermark may be behind, with requests and, after `idle_timeout`, without them."""

BROKER_OR_NOT = pytest.mark.parametrize("broker", [True, False])


@BROKER_OR_NOT
@pytest.mark.parametrize("traffic", [True, False])
@pytest.mark.parametrize("off", [DAY, -DAY, 10 * MINUTE, -10 * MINUTE, MINUTE])
def test_a_lone_clock_that_leaps_for_seconds(broker: bool, traffic: bool, off: int) -> None:
    """Time goes on as if nothing had happened, during the leap and after it; the leap is reported if it shows."""
    world = World(broker=broker)
    world.run(MINUTE)
    world.traffic = traffic
    world.run(15 * S)
    world.off["a"] = off
    world.run(6 * S)
    assert abs(world.ahead) <= S
    world.off.clear()
    for _ in range(60):
        world.run(S)
        assert abs(world.ahead) <= S
        assert 0 < world.lag <= (LIVE if traffic else SILENT)
    assert bool(world.leaps) is not broker
    assert world.marks.off_by() == 0


@BROKER_OR_NOT
@pytest.mark.parametrize("off", [-DAY, -10 * MINUTE, -20 * S])
def test_a_lone_clock_that_stays_behind(broker: bool, off: int) -> None:
    """It is put back, by someone wrong: requests are judged and silence is noticed as ever."""
    world = World(broker=broker)
    world.run(MINUTE)
    world.off["a"] = off
    world.run(2 * MINUTE)
    assert world.lag <= LIVE
    world.traffic = False
    world.run(10 * S)
    for _ in range(60):
        world.run(S)
        assert 0 < world.lag <= SILENT + S
        assert abs(world.ahead) <= 2 * S
    assert world.marks.event_time(TIMING).complete


def test_a_clock_that_was_ahead_from_the_start_and_is_put_right() -> None:
    """Ten minutes are not closed ahead of the events, and journal time comes back to the true one bit by bit."""
    world = World(broker=False, off={"a": 10 * MINUTE})
    world.run(MINUTE)
    assert world.ahead == 10 * MINUTE
    world.off.clear()
    world.traffic = False
    world.run(30 * S)
    assert world.leaps == [ClockLeap("a", 500 - 10 * MINUTE, True)]
    assert 0 < world.lag <= SILENT + S
    world.traffic = True
    world.run(10 * S)
    assert 0 < world.lag <= LIVE
    before = world.ahead
    world.run(8 * MINUTE)
    assert before - world.ahead == pytest.approx(MINUTE, abs=2 * S)
    world.run(90 * MINUTE)
    assert abs(world.ahead) <= BEHIND_MS
    assert world.marks.off_by() == 0


def test_without_any_event_the_clock_that_was_put_right_counts() -> None:
    """Nobody has ever sent an event: time is as the clock has it now."""
    world = World(broker=False, off={"a": DAY}, traffic=False, newest=T0 - DAY)
    world.run(MINUTE)
    world.off.clear()
    world.run(MINUTE)
    assert 0 < world.lag <= SILENT + S


def test_the_brokers_clock_stands_in_for_one_that_begins_wrong() -> None:
    """A worker starts with a clock a day ahead: the broker's time counts, from the second record on."""
    world = World(off={"a": DAY})
    world.run(MINUTE)
    assert world.ahead == 0
    assert world.leaps == []


def test_a_broker_whose_clock_leaps_has_no_effect() -> None:
    """The worker's own clock is nearer to journal time then."""
    assert claimed_time(Progress(worker="a", wall=T0, sources=[], broker=T0 + DAY), T0 - S) == T0
    assert claimed_time(Progress(worker="a", wall=T0 + DAY, sources=[], broker=T0), T0 - S) == T0
    assert claimed_time(Progress(worker="a", wall=T0 + DAY, sources=[], broker=T0), 0) == T0


@pytest.mark.parametrize(("broker", "wait"), [(True, CONFIRMED_MS), (False, UNCONFIRMED_MS)])
def test_after_an_outage_time_is_followed(broker: bool, wait: int) -> None:
    """All were away for an hour, and nobody sends events: the one that comes back is followed after a while."""
    world = World(broker=broker)
    world.run(MINUTE)
    world.traffic = False
    world.now += 60 * MINUTE
    world.run(wait)
    assert world.ahead < -59 * MINUTE
    world.run(2 * S)
    assert world.ahead == 0


@BROKER_OR_NOT
def test_after_an_outage_events_confirm_at_once(broker: bool) -> None:
    """The first report with an event of now moves time there; one with an older event as far as that."""
    world = World(broker=broker)
    world.run(MINUTE)
    world.traffic = False
    world.now += 60 * MINUTE
    world.newest = world.now - 20 * MINUTE
    world.run(500)
    assert world.ahead == -20 * MINUTE - 500
    world.traffic = True
    world.run(500)
    assert world.ahead == 0


def test_events_of_now_contradict_a_leap_for_as_long_as_they_arrive() -> None:
    """A worker and the broker share a machine, whose clock is a day ahead: requests show that it is not."""
    world = World(broker=False)
    world.run(MINUTE)
    world.off["a"] = DAY
    world.run(10 * MINUTE)
    assert abs(world.ahead) <= 2 * S
    assert world.lag <= LIVE


@BROKER_OR_NOT
@pytest.mark.parametrize("off", [DAY, MINUTE])
def test_an_event_ahead_does_not_confirm_a_fast_clock_that_others_contradict(broker: bool, off: int) -> None:
    """A producer's clock is a minute ahead, as far as it may be, and so is the worker's that reads its events."""
    world = World(("a", "b"), broker=broker)
    world.run(MINUTE)
    world.off["a"] = off
    for _ in range(100):
        world.now += 500
        world.newest = world.now + MINUTE
        world.report("a")
        world.report("b")
        assert world.ahead <= 0


@BROKER_OR_NOT
@pytest.mark.parametrize("off", [DAY, -DAY, 20 * S])
def test_of_several_workers_the_right_ones_move_time(broker: bool, off: int) -> None:
    """One of three is wrong, and joins and leaves: journal time is the true one, to `LEAP_MS`."""
    world = World(("a", "b"), broker=broker)
    world.run(MINUTE)
    world.workers, world.off = ("a", "b", "c"), {"c": off}
    world.run(MINUTE)
    assert 0 <= world.ahead <= LEAP_MS
    world.workers = ("a", "b")
    world.run(MINUTE)
    assert 0 <= world.ahead <= LEAP_MS
    assert world.lag <= LIVE


@pytest.mark.parametrize("off", [DAY, -DAY])
def test_beside_a_worker_of_an_older_build(off: int) -> None:
    """Its clock moves time as ever, while the other one leaps; during an upgrade both write."""
    world = World(("a", "b"), broker=False, older=("b",))
    world.run(MINUTE)
    world.off["a"] = off
    world.run(MINUTE)
    assert world.ahead == 0
    assert world.lag <= LIVE
    world.off.clear()
    world.run(S)
    assert (world.ahead, world.marks.off_by()) == (0, 0)


def test_a_fast_clock_that_leaves_does_not_stop_time() -> None:
    """The worker that was 20 s ahead is gone: time goes on by the other one's pace, and silence is noticed."""
    world = World(("a", "b"), broker=False, off={"b": 20 * S})
    world.run(MINUTE)
    world.workers, world.traffic = ("a",), False
    world.run(20 * S)
    before = world.marks.wall
    world.run(20 * S)
    assert world.marks.wall - before >= 16 * S


def test_a_report_that_was_long_under_way_is_no_leap() -> None:
    """It is as old as its clock shows, and is no sign that its source is idle by now."""
    world = World(("a", "b"))
    world.run(MINUTE)
    late = SourceProgress(SOURCE, world.position, world.newest, True, 0, 0, 0)
    world.run(8 * S)
    record = Progress(worker="c", wall=world.now - 8 * S, sources=[late], partitions={SOURCE.topic: 1})
    assert world.marks.apply(record) == []
    assert world.marks.sources["events/0"].reported_at == world.now - 8 * S
    assert world.ahead == 0


@pytest.mark.parametrize(
    ("broker", "others", "wait"),
    [
        (T0, [], CONFIRMED_MS),
        (T0, [0], CONFIRMED_MS),
        (None, [], UNCONFIRMED_MS),
        (T0 - DAY, [], UNCONFIRMED_MS),
        (None, [T0 - LEAP_MS], CONFIRMED_MS),
        (None, [T0, T0 - DAY], None),
    ],
)
def test_how_long_a_leap_must_last(broker: int | None, others: list[int], wait: int | None) -> None:
    """The broker's clock confirms it, or all other clocks do; a worker that others contradict is not followed."""
    record = Progress(worker="a", wall=T0, sources=[], partitions={}, broker=broker)
    assert patience(record, others, T0) == wait


OFFS = st.sampled_from([0, 0, S, -S, MINUTE, -MINUTE, 10 * MINUTE, -10 * MINUTE, 7 * DAY, -DAY])
SPANS = st.integers(1, 25)


@given(st.lists(st.tuples(OFFS, SPANS, st.booleans()), max_size=6), st.booleans())
def test_leaps_of_a_lone_clock_never_close_time_ahead_of_requests(
    leaps: list[tuple[int, int, bool]], restart: bool
) -> None:
    """Whatever the clock does for less than half a minute at a time, beside a broker's time that is right.

    The watermark is never ahead of the true time, never far behind it, and neither is journal time. A restart in
    between changes nothing.
    """
    world = World()
    world.run(10 * S)
    for off, seconds, traffic in leaps:
        world.off["a"], world.traffic = off, traffic
        world.run(seconds * S)
        assert 0 < world.lag <= SILENT + 2 * S
        assert abs(world.ahead) <= 2 * S
        if restart:
            loaded = reloaded_marks(world.marks)
            assert marks_bytes(loaded) == marks_bytes(world.marks)
            world.marks = loaded


@given(st.lists(st.tuples(OFFS, st.integers(1, 20)), max_size=6), st.booleans())
def test_without_broker_time_leaps_close_nothing_ahead_of_requests_that_arrive(
    leaps: list[tuple[int, int]], two: bool
) -> None:
    """The same where only requests, or another worker, show what time it is."""
    world = World(("a", "b") if two else ("a",), broker=False)
    world.run(10 * S)
    for off, seconds in leaps:
        world.off["a"] = off
        world.run(seconds * S)
        assert 0 < world.lag <= LIVE + BEHIND_MS  # small steps back stop time for as long as that
        assert abs(world.ahead) <= BEHIND_MS + S


@BROKER_OR_NOT
@pytest.mark.parametrize("traffic", [True, False])
def test_a_leap_ahead_after_an_outage_is_confirmed_by_the_broker(broker: bool, traffic: bool) -> None:
    """Nothing is wrong then: all workers were away. The first record is of one that reads no events."""
    world = World(broker=broker, traffic=traffic)
    world.run(MINUTE)
    world.now += 40 * S
    record = Progress(worker="a", wall=world.now, sources=[], partitions={}, broker=world.now if broker else None)
    (leap,) = [found for found in world.marks.apply(record) if isinstance(found, ClockLeap)]
    assert leap.confirmed is broker
    world.run(20 * S)
    assert world.leaps == []


def test_a_broker_and_a_worker_that_are_ahead_and_that_events_contradict() -> None:
    """They share a machine. Whether they or the events are right shows when the events go on."""
    world = World(broker=False)
    world.run(MINUTE)
    for _ in range(60):
        world.now += 500
        world.newest, world.position = world.now - 100, world.position + 1
        source = SourceProgress(SOURCE, world.position, world.newest, True, 0, 0, 0)
        wrong = world.now + DAY
        record = Progress(worker="a", wall=wrong, sources=[source], partitions={SOURCE.topic: 1}, broker=wrong)
        world.leaps += [found for found in world.marks.apply(record) if isinstance(found, ClockLeap)]
    assert [leap.confirmed for leap in world.leaps] == [True, False]
    assert abs(world.ahead) <= 2 * S
