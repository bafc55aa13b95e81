"""Rollouts that begin by a wrong clock: their requests are judged, from the journal alone."""

from __future__ import annotations

import pytest
from msgspec import structs

from gates.decisions import Action, Decision
from streams.cells import CellRecord
from streams.journal import Partial, Progress, Record, SourceProgress
from streams.judge.fold import Fold
from streams.judge.journal_time import CONFIRMED_MS, ClockLeap
from streams.judge.mending import STEADY_MS, reach
from streams.judge.outputs import EventTimeMended
from tests.gates.pane_builders import cell
from tests.properties.hand import a_policy
from tests.properties.journals import ROLLOUT, a_start, published
from tests.streams.judge.restarts import reloaded, reloaded_marks
from tests.streams.judge.test_fold import folded
from tests.streams.judge.test_journal_time import DAY, LIVE, MINUTE, SILENT, SOURCE, T0, S, World


def begun_wrong(off: int, *, traffic: bool) -> World:
    """Return a world whose first record had only a worker's clock, which is wrong, and no broker's time yet."""
    world = World(broker=False, off={"a": off}, traffic=traffic, newest=T0 - S)
    world.run(S)
    world.broker = True
    return world


@pytest.mark.parametrize("off", [DAY, -DAY, 10 * MINUTE, -10 * MINUTE])
def test_events_show_which_clock_is_right_after_a_wrong_beginning(off: int) -> None:
    """The broker's clock counts although journal time is nearer to the worker's, and event time is right."""
    world = begun_wrong(off, traffic=True)
    world.run(MINUTE)
    assert world.lag <= LIVE
    assert world.leaps == ([ClockLeap("a", 500 - off, True)] if off > 0 else [])
    assert abs(world.ahead - world.marks.ahead(world.marks.by_events())) <= S
    until = reach(world.marks)
    assert until is not None
    assert abs(until - world.now) <= S
    assert reach(reloaded_marks(world.marks)) == until
    world.traffic = False
    world.run(MINUTE)
    assert world.lag <= SILENT + 2 * S


def test_a_wrong_beginning_without_any_event_is_known_once_the_clock_is_put_right() -> None:
    """Until then nothing contradicts it; a moment later it is known."""
    world = World(broker=False, off={"a": DAY}, traffic=False, newest=T0 - DAY)
    world.run(MINUTE)
    assert reach(world.marks) is None
    world.off.clear()
    world.run(CONFIRMED_MS)
    assert reach(world.marks) is None
    world.run(2 * S)
    assert reach(world.marks) is not None


def test_events_that_go_on_contradict_a_lone_clock() -> None:
    """It is ahead for good, and there is no broker's time: requests show how far a rollout can be judged."""
    world = World(broker=False, off={"a": DAY})
    world.run(STEADY_MS - S)
    assert reach(world.marks) is None
    world.run(2 * S)
    assert reach(world.marks) == world.newest
    world.traffic = False
    world.run(15 * S)
    assert reach(world.marks) is None


def a_wrong_beginning() -> list[Record]:
    """Return a journal that begins with a clock that is a day ahead, and a start by it; no request was there yet."""
    ahead = T0 + 86_400_000
    silent = [SourceProgress(SOURCE, 0, None, True)]
    records: list[Record] = [
        Progress(worker="w", wall=ahead + at * 500, sources=silent, partitions={SOURCE.topic: 1}) for at in range(30)
    ]
    return [*records, a_start(a_policy(), ahead)]


def failing_requests(wall_ahead: int, seconds: int) -> list[Record]:
    """Return a second each of failing requests of the candidate, read to their end, with this clock."""
    found: list[Record] = []
    for second in range(seconds):
        at = T0 + second * 1_000
        cells = [CellRecord.of(cohort, at, cell(40, bad)) for cohort, bad in (("canary", 30), ("stable", 0))]
        found.append(Partial(rollout=ROLLOUT, source=SOURCE, start=second, upto=second + 1, final=True, cells=cells))
        report = SourceProgress(SOURCE, second + 1, at + 900, True)
        wall = at + 1_000 + wall_ahead
        found.append(Progress(worker="w", wall=wall, sources=[report], partitions={SOURCE.topic: 1}))
    return found


@pytest.mark.parametrize("clock_ahead", [0, 86_415_000])
def test_a_rollout_that_began_by_a_wrong_clock_is_judged(clock_ahead: int) -> None:
    """A day ahead of its requests: once they go on, it is judged by them, whether the clock is put right or not."""
    records = [*a_wrong_beginning(), *failing_requests(clock_ahead, 40)]
    fold, found = Fold(0), []
    for at, record in enumerate(records):
        fold = reloaded(fold)
        found += fold.apply(record, at)
    assert published(found) == published(folded(Fold(0), records, 0))
    (mended,) = [output for output in found if isinstance(output, EventTimeMended)]
    assert mended.before > T0 + 86_400_000 > mended.after > T0
    made = [output for output in found if isinstance(output, Decision)]
    assert made[-1].action is Action.ROLLBACK
    assert T0 < made[-1].event_time < T0 + 40_000


def test_journals_of_older_builds_stay_as_they_are() -> None:
    """They do not name the partitions of their topics, and are folded as those builds folded them."""
    records = [
        structs.replace(record, partitions=None) if isinstance(record, Progress) else record
        for record in [*a_wrong_beginning(), *failing_requests(86_415_000, 40)]
    ]
    assert not [output for output in folded(Fold(0), records, 0) if isinstance(output, EventTimeMended)]
