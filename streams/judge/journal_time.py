"""Journal time: one wall clock from the clocks of all workers, which no wrong one moves far. Pure.

A clock is followed if it is near journal time. One that is not near has leapt, or the time has: all workers were away.
A leap ahead is followed at once as far as events confirm it, and after a while if the broker's clock or other workers'
do, and events do not contradict it. Until then, and after a leap back, journal time goes on at that clock's pace:
silence, and orders without an ack, are noticed as ever. It never goes back, because decisions were made by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from streams.journal import Progress

LEAP_MS = 30_000
"""How far a worker's clock may run ahead of the others. A clock further ahead counts only if it is confirmed. Otherwise
one wrong clock would move the watermark of every rollout past events that are still to come."""

BEHIND_MS = 5_000
"""How far the clocks may be behind journal time before it goes on at their pace. Reports that were long under way are
behind, too, and no clock has leapt then."""

LONGEST_STEP_MS = 2_000
"""How much of the wall time between two progress records counts as time in which sources could report. Records come
several times per second, so a longer stretch is an outage or a step of the clock."""

CONFIRMED_MS = 10_000
"""A leap ahead that another clock confirms is followed after this long. Clocks of one machine leap together, so events
get the time to contradict it."""

RECENT_RECORDS = 20
"""A worker's clock is recent if it was in one of this many latest progress records. Records are counted, not
milliseconds, because the time itself is in doubt."""

UNCONFIRMED_MS = 60_000
"""A leap ahead that nothing confirms is followed after this long. The journal of an older installation has no broker
time, and events may be rare: after a weekend without workers their clock is right."""

RECENT_EVENT_MS = 10_000
"""A newer event contradicts a leap for this long, if its source is read to the end: its time is not the leap's."""

SLOW_DOWN = 8
"""Journal time that is ahead of both clocks and events loses one in this many milliseconds, until they agree."""


class Shift(NamedTuple):
    """What is added to a worker's clock that is not near journal time, and the journal time since when."""

    ms: int
    since: int


@dataclass(frozen=True, slots=True)
class ClockLeap:
    """A worker's clock is this far ahead of journal time, or behind it (below 0), and is not followed.

    If it is `confirmed`, by the broker's clock or by events, journal time is what is wrong, or all workers were away.
    """

    worker: str
    ahead_ms: int
    confirmed: bool = False


def claimed_time(progress: Progress, now: int, by_events: int = 0) -> int:
    """The wall time that a progress record claims.

    It is the worker's own clock, or the broker's if both differ and that one is nearer to journal time, as after a
    step of the worker's clock, or near the events of now: those in the record, and `by_events`, 0 without any. For
    journal time may have begun with a clock that was wrong.
    """
    wall, broker = progress.wall, progress.broker
    if broker is None or abs(wall - broker) <= LEAP_MS:
        return wall
    if min(abs(newest_event(progress) - broker), abs(by_events - broker)) <= LEAP_MS:
        return broker
    return wall if now and abs(wall - now) <= abs(broker - now) else broker


def newest_event(progress: Progress) -> int:
    """The newest event time of a record; 0 without one."""
    return max((source.newest for source in progress.sources if source.newest is not None), default=0)


def patience(progress: Progress, others: list[int], claimed: int) -> int | None:
    """How long a leap ahead must last until it is followed without events of that time; None if it never is.

    `others` are the clocks of the other workers that reported lately.
    """
    if progress.broker is not None and abs(progress.broker - progress.wall) <= LEAP_MS:
        return CONFIRMED_MS
    if not others:
        return UNCONFIRMED_MS
    return CONFIRMED_MS if min(others) >= claimed - LEAP_MS else None


@dataclass(slots=True)
class JournalTime:
    """The clocks of the workers that write a journal partition; times in milliseconds.

    `wall` is journal time. `clocks` has each recent worker's clock and the number of the progress record that it was
    in, out of `reports` so far; `shifts` has those of them that are not near `wall`.
    """

    wall: int = 0
    reports: int = 0
    clocks: dict[str, tuple[int, int]] = field(default_factory=dict)
    shifts: dict[str, Shift] = field(default_factory=dict)

    def follow_as_before(self, progress: Progress) -> int:
        """Move journal time by a record of an older build, as those did; returns its clock."""
        self._note(progress.worker, progress.wall)
        earliest = progress.wall - LEAP_MS
        if self.wall >= earliest or all(wall >= earliest for wall, _ in self.clocks.values()):
            self.wall = max(self.wall, progress.wall)
        return progress.wall

    def follow(self, progress: Progress, by_events: int, *, doubted: bool) -> tuple[int, list[ClockLeap]]:
        """Move journal time by a record; returns when the record was made, and its clock's leap if it is a new one.

        `by_events` is the time by the newest events, 0 without any. With `doubted` they contradict a leap ahead.
        """
        before, worker = self.wall, progress.worker
        claimed = claimed_time(progress, self.wall, by_events if doubted else 0)
        self._note(worker, claimed)
        if self.wall and not self._is_moved_without(worker):
            # Events are never far ahead of their records, so this much of a leap is certain.
            self.wall = max(self.wall, min(newest_event(progress), claimed))
        near = self.wall - BEHIND_MS <= claimed <= self.wall + LEAP_MS
        if near or not self.wall or (claimed > self.wall and not doubted and self._has_lasted(progress, claimed)):
            self.wall = max(self.wall, claimed)
            self.shifts.pop(worker, None)
            return claimed, []
        known = self.shifts.get(worker)
        if known is None or abs(claimed + known.ms - self.wall) > LEAP_MS:
            off = claimed - self.wall
            self.shifts[worker] = Shift(-off, self.wall)
            confirmed = self._is_confirmed(progress, claimed, by_events if doubted else 0)
            return claimed, [ClockLeap(worker, off, confirmed)] if abs(off) > LEAP_MS else []
        if self._is_moved_without(worker):
            return claimed, []
        made_at = claimed + known.ms
        self._go_on(made_at, by_events)
        # The last events before an outage are recent for a while, and contradict nothing.
        unfollowed = known.ms < -LEAP_MS and before < known.since + CONFIRMED_MS + RECENT_EVENT_MS <= self.wall
        if unfollowed and self._is_confirmed(progress, claimed, 0):
            return made_at, [ClockLeap(worker, -known.ms)]  # by the broker, and events contradict both
        return made_at, []

    def _is_confirmed(self, progress: Progress, claimed: int, by_events: int) -> bool:
        """Whether a clock that is not near journal time is the broker's, and no other worker's is near.

        The last events are no sign against a leap ahead: after an outage of all workers they are as old as that. If
        they go on, it is not followed. A clock that is behind is confirmed by them as well.
        """
        if claimed < self.wall and by_events and abs(by_events - claimed) <= LEAP_MS:
            return True
        is_brokers = progress.broker is not None and abs(progress.broker - claimed) <= LEAP_MS
        return is_brokers and not (claimed > self.wall and self._is_moved_without(progress.worker))

    def _note(self, worker: str, wall: int) -> None:
        """Add a clock to the recent ones, and drop those that are no longer recent."""
        self.reports += 1
        self.clocks[worker] = (wall, self.reports)
        self.clocks = {name: clock for name, clock in self.clocks.items() if self.reports - clock[1] < RECENT_RECORDS}
        if self.shifts:
            self.shifts = {name: shift for name, shift in self.shifts.items() if name in self.clocks}

    def _is_moved_without(self, worker: str) -> bool:
        """Whether another recent clock is near journal time, and moves it."""
        return any(name != worker and name not in self.shifts for name in self.clocks)

    def _has_lasted(self, progress: Progress, claimed: int) -> bool:
        """Whether a clock has been ahead for so long that it is followed, although no event confirms it."""
        others = [wall for name, (wall, _) in self.clocks.items() if name != progress.worker]
        shift, wait = self.shifts.get(progress.worker), patience(progress, others, claimed)
        return shift is not None and wait is not None and self.wall - shift.since >= wait

    def _go_on(self, upto: int, by_events: int) -> None:
        """Go on at the pace of a clock that leapt; slower, as long as time is ahead of all clocks and events."""
        step = min(max(0, upto - self.wall), LONGEST_STEP_MS)
        if self.ahead(by_events) > BEHIND_MS:
            lost = step // SLOW_DOWN
            self.shifts = {name: Shift(shift.ms - lost, shift.since) for name, shift in self.shifts.items()}
            step -= lost
        self.wall += step

    def ahead(self, by_events: int) -> int:
        """How far journal time is ahead of the time by all recent clocks, and by events as well.

        It is if it once followed a clock that was wrong, and that was then put right.
        """
        if not self.shifts or len(self.shifts) < len(self.clocks):
            return 0
        behind = min(shift.ms for shift in self.shifts.values())
        return max(0, min(behind, self.wall - by_events) if by_events else behind)

    def reach_of_clocks(self, by_events: int) -> int | None:
        """What time the clocks show, if journal time is known to be ahead of them and of the events; None if not."""
        ahead = self.ahead(by_events)
        since = min((shift.since for shift in self.shifts.values()), default=self.wall)
        return self.wall - ahead if ahead > LEAP_MS and self.wall - since >= CONFIRMED_MS else None

    def off_by(self) -> int:
        """How far the recent clock that is furthest from journal time is ahead of it, or behind (below 0)."""
        return -max((shift.ms for shift in self.shifts.values()), key=abs, default=0)
