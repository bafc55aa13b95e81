"""Watermarks: up to which event time the counts in a journal partition are complete. Pure.

The slowest live source partition sets the watermark. Time comes from the journal's progress records alone. A source
partition that has caught up and is silent is left out, and so is one that has stalled: neither an empty partition nor a
dead worker may stop event time. Without any live one, the wall clock in the records moves the watermark, so that
silence has an effect, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from streams.journal import Progress, SourceProgress, Timing

FORGET_MS = 3_600_000
"""A source partition that no worker has reported for this long is dropped, because its topic was probably renamed.
Otherwise it would make telemetry incomplete for good."""

LEAP_MS = 30_000
"""How far a worker's clock may run ahead of the others. A clock further ahead counts only if all recent ones agree.
Otherwise one wrong clock would move the watermark of every rollout past events that are still to come."""

FURTHEST_MS = 7_200_000
"""Counts this far ahead of every recent clock are dropped, and missing. Kafka takes record times up to an hour ahead,
and events may be ahead of their record; what is further ahead would stay until its time comes."""

RECENT_RECORDS = 20
"""A worker's clock is recent if it was in one of this many latest progress records. Records are counted, not
milliseconds, because the time itself is in doubt."""


@dataclass(slots=True)
class SourceState:
    """What is known of a source partition; `newest` is event time, the other times are wall time, in milliseconds.

    `reported_at` is when its worker made the last report, `moved_at` when it last reported another position, `newer_at`
    when it last reported a newer event.
    """

    position: int
    newest: int | None
    caught_up: bool
    reported_at: int
    moved_at: int
    newer_at: int

    def is_stalled(self, wall: int, timing: Timing) -> bool:
        """Whether no report, or none with headway, arrived within `stall_timeout`."""
        if self.caught_up:
            # Without new records there is no headway to report.
            return wall - self.reported_at > timing.stall_timeout
        return wall - min(self.reported_at, self.moved_at, self.newer_at) > timing.stall_timeout

    def is_idle(self, timing: Timing) -> bool:
        """Whether it has been read to its end and had no newer event within `idle_timeout`."""
        if not self.caught_up:
            return False
        return self.newest is None or self.reported_at - self.newer_at > timing.idle_timeout


class EventTimeState(NamedTuple):
    """How far event time is complete, and how far to trust that.

    `watermark` is None until every live source has reported an event. `complete` is false where a stalled source was
    left out, `broken` is true where no source reports at all.
    """

    watermark: int | None
    complete: bool
    broken: bool


_UNKNOWN = EventTimeState(None, True, False)


@dataclass(slots=True)
class Watermarks:
    """The source partitions of one journal partition, as its progress records report them; times in milliseconds.

    `born` is the first wall time, `wall` the present one, `newest` the newest event time. `clocks` has each recent
    worker's wall clock and the number of the progress record that it was in, out of `reports` so far. `sources` is by
    `TOPIC/PARTITION`.
    """

    born: int = 0
    wall: int = 0
    newest: int = 0
    reports: int = 0
    clocks: dict[str, tuple[int, int]] = field(default_factory=dict)
    sources: dict[str, SourceState] = field(default_factory=dict)

    def apply(self, progress: Progress) -> None:
        """Apply one progress record. The wall clock never goes back."""
        if self._is_plausible(progress):
            self.wall = max(self.wall, progress.wall)
        self.born = self.born or self.wall
        # A report may have waited in a slow worker: it describes its source at the time it was made, not at the time it
        # is read. A clock that cannot be right is replaced by ours, so that it can neither idle nor stall a source.
        made_at = progress.wall if 0 <= self.wall - progress.wall <= LEAP_MS else self.wall
        for report in progress.sources:
            self._apply_report(report, made_at)
        for name in [name for name, source in self.sources.items() if self.wall - source.reported_at > FORGET_MS]:
            del self.sources[name]

    def furthest(self) -> int:
        """The event time from which on counts are dropped.

        By the latest of the recent clocks, also of those that do not count yet: after an outage of all workers the
        first events are hours ahead of the clock that counts, and right.
        """
        return max([self.wall, *(wall for wall, _ in self.clocks.values())]) + FURTHEST_MS

    def _apply_report(self, report: SourceProgress, made_at: int) -> None:
        name = f"{report.source.topic}/{report.source.partition}"
        source = self.sources.get(name)
        if source is None:
            source = self.sources[name] = SourceState(-1, None, False, made_at, self.wall, self.wall)
        if report.position != source.position:
            source.moved_at = self.wall
        if report.newest is not None:
            newest = min(report.newest, self.wall)  # an event with a time in the future would close panes early
            if source.newest is None or newest > source.newest:
                source.newest, source.newer_at = newest, self.wall
                self.newest = max(self.newest, newest)
        source.position, source.caught_up, source.reported_at = report.position, report.caught_up, made_at

    def _is_plausible(self, progress: Progress) -> bool:
        """Whether this wall clock is no leap, or every other recent one confirms the leap."""
        self.reports += 1
        self.clocks[progress.worker] = (progress.wall, self.reports)
        self.clocks = {name: clock for name, clock in self.clocks.items() if self.reports - clock[1] < RECENT_RECORDS}
        earliest = progress.wall - LEAP_MS
        return self.wall >= earliest or all(wall >= earliest for wall, _ in self.clocks.values())

    def event_time(self, timing: Timing) -> EventTimeState:
        """The watermark by this timing. It can go back as sources appear and disappear: callers keep the largest."""
        live: list[int] = []
        idle: list[int] = []
        stalled = 0
        for source in self.sources.values():
            if source.is_stalled(self.wall, timing):
                stalled += 1
            elif source.is_idle(timing):
                # It was silent until its last report. An event after that may exist and not be reported yet, so an idle
                # source still holds the watermark back to that report.
                idle.append(source.reported_at)
            elif source.newest is not None:
                live.append(source.newest)
            else:
                return _UNKNOWN  # it is being read and has not reported an event: its first one may be older than all
        if live:
            return EventTimeState(min(live + idle) - timing.out_of_orderness, not stalled, False)
        silent = self.wall - timing.idle_timeout - timing.out_of_orderness
        if idle:
            return EventTimeState(min(silent, min(idle) - timing.out_of_orderness), not stalled, False)
        if self.wall - self.born <= timing.stall_timeout:
            return _UNKNOWN  # the first workers may still be starting
        return EventTimeState(silent, False, True)
