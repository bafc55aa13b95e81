"""Watermarks: up to which event time the counts in a journal partition are complete. Pure.

The slowest live source partition sets the watermark. Time comes from the journal's progress records alone. A source
partition that has caught up and is silent is left out, and so is one that has stalled: neither an empty partition nor a
dead worker may stop event time. Without any live one, the wall clock in the records moves the watermark, so that
silence has an effect, too.

A wall clock that leaps, as after an outage of all workers, is no silence: nobody could report meanwhile. So whether a
source is idle or stalled is judged by the `active` time, of which a leap is only a moment. Which leaps are followed at
all is in `journal_time`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from streams.cells import SourcePartition
from streams.journal import Progress, SourceProgress, Timing
from streams.judge.journal_time import LEAP_MS, LONGEST_STEP_MS, RECENT_EVENT_MS, ClockLeap, JournalTime
from streams.judge.sources import SourceFinding, SourceState
from streams.topic_identity import is_same

FORGET_MS = 3_600_000
"""A source partition that no worker has reported for this long is dropped, because its topic was probably renamed.
Otherwise it would make telemetry incomplete for good."""

FURTHEST_MS = 7_200_000
"""Counts this far ahead of every recent clock are dropped, and missing. Kafka takes record times up to an hour ahead,
and events may be ahead of their record; what is further ahead would stay until its time comes."""

UNNAMED_MS = 10_000
"""A source partition that was never read, and that no worker has named for this long, does not exist (any more)."""


class EventTimeState(NamedTuple):
    """How far event time is complete, and how far to trust that.

    `watermark` is None until every live source has reported an event. `complete` is false where a stalled source was
    left out, `broken` is true where no source reports at all. Before the event time `incomplete_until` offsets of a
    source were never counted.
    """

    watermark: int | None
    complete: bool
    broken: bool
    incomplete_until: int = 0


_UNKNOWN = EventTimeState(None, True, False)


@dataclass(slots=True)
class Watermarks(JournalTime):
    """The source partitions of one journal partition, as its progress records report them; times in milliseconds.

    `born` is the first wall time, `newest` the newest event time; `sources` is by `TOPIC/PARTITION`. `skipped` is the
    wall time of all leaps; of it, `debt` has not been made up for yet. Before the event time `holes_until` offsets were
    never counted. `counts` is the greatest number of partitions that workers have named, by topic. Since `steady_since`
    there were recent events of sources that are read to their end, last at `steady_at`, on the clock of `active`.
    """

    born: int = 0
    newest: int = 0
    sources: dict[str, SourceState] = field(default_factory=dict)
    skipped: int = 0
    debt: int = 0
    holes_until: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    steady_since: int = 0
    steady_at: int = 0

    @property
    def active(self) -> int:
        """The wall time without that of leaps: how long sources had the chance to report."""
        return self.wall - self.skipped

    def apply(self, progress: Progress) -> list[SourceFinding | ClockLeap]:
        """Apply one progress record; returns the leaps that it shows, and what is missing.

        The wall clock never goes back.
        """
        before = self.wall
        leaps: list[ClockLeap] = []
        # A report may have waited in a slow worker: it describes its source at the time it was made, not at the time it
        # is read. A clock that cannot be right is replaced by ours, so that it can neither idle nor stall a source.
        if progress.partitions is None:  # older builds' journals fold as those builds folded them
            made_at = self.follow_as_before(progress)
        else:
            recent, by_events = self._has_recent_events(), self.by_events()
            if recent and by_events:
                if not self.steady_since or self.active - self.steady_at > RECENT_EVENT_MS:
                    self.steady_since = self.active
                self.steady_at = self.active
            made_at, leaps = self.follow(progress, by_events, doubted=recent)
            if before:
                self._skip(self.wall - before)
        self.born = self.born or self.active
        if not 0 <= self.wall - made_at <= LEAP_MS:
            made_at = self.wall
        missing = [found for report in progress.sources for found in self._apply_report(report, made_at)]
        for topic, number in (progress.partitions or {}).items():
            for partition in range(number):
                # One that no worker has reported yet holds event time back like one whose worker is just starting.
                self._source(SourcePartition(topic, partition), self.wall).named_at = self.active
            self.counts[topic] = max(number, self.counts.get(topic, 0))
        if any(report.topic_id for report in progress.sources):
            self._forget_smaller(progress)
        for name, source in list(self.sources.items()):
            unnamed = source.position < 0 and 0 < source.named_at < self.active - UNNAMED_MS
            if unnamed or self.active - max(source.active_at, source.named_at) > FORGET_MS:
                del self.sources[name]
        return [*leaps, *missing]

    def _forget_smaller(self, progress: Progress) -> None:
        """Forget partitions of a topic that was made again with fewer."""
        for report in progress.sources:
            topic, number = report.source.topic, (progress.partitions or {}).get(report.source.topic)
            present = self.sources[_name(report.source)].coverage.topic_id
            while number is not None and (source := self.sources.get(f"{topic}/{number}")) is not None:
                if not source.coverage.topic_id or is_same(present, source.coverage.topic_id):
                    break
                del self.sources[f"{topic}/{number}"]
                number += 1

    def by_events(self) -> int:
        """The time by the newest events, carried on by the time since then; 0 without any."""
        known = self.sources.values()
        return max((each.newest + self.active - each.newer_at for each in known if each.newest is not None), default=0)

    def _has_recent_events(self) -> bool:
        """Whether a source that is read to its end has a recent event; then it is not as late as a leap claims."""
        known = self.sources.values()
        return any(each.caught_up and self.active - each.newer_at <= RECENT_EVENT_MS for each in known)

    def _skip(self, step: int) -> None:
        """Take the part of a step of the wall clock out of `active` that is too long for one between two records."""
        leap = max(0, step - LONGEST_STEP_MS)
        self.skipped += leap
        self.debt = max(0, self.debt - (step - leap)) + leap

    def is_checked(self, source: SourcePartition) -> bool:
        """Whether the workers report which offsets of a source they cover; older builds do not."""
        known = self.sources.get(_name(source))
        return known is not None and known.coverage.covered is not None

    def _source(self, source: SourcePartition, made_at: int) -> SourceState:
        name = _name(source)
        if name not in self.sources:
            self.sources[name] = SourceState(-1, None, False, made_at, self.active, self.active, self.skipped)
            if source.partition >= self.counts.get(source.topic, source.partition + 1):
                # It was added, so its first offset was 0: what is deleted of it by now was never counted.
                self.sources[name].coverage.covered = 0
        return self.sources[name]

    def _apply_report(self, report: SourceProgress, made_at: int) -> list[SourceFinding]:
        source = self._source(report.source, made_at)
        if source.is_past(report):
            return []
        missing = [found for found in (source.turn(report), source.cover(report)) if found is not None]
        if report.position != source.position:
            source.moved_at = self.active
        newest = self.wall
        if report.newest is not None:
            newest = min(report.newest, self.wall)  # an event with a time in the future would close panes early
            if source.newest is None or newest > source.newest:
                source.newest, source.newer_at = newest, self.active
                self.newest = max(self.newest, newest)
        if missing:
            # What is missing came before what the worker has read by now; if that has no event, then before now.
            self.holes_until = max(self.holes_until, newest)
        if source.caught_up and not report.caught_up and report.since is not None:
            source.behind_at = self.active
        source.position, source.caught_up = report.position, report.caught_up
        source.reported_at, source.skipped = made_at, self.skipped
        return missing

    def furthest(self) -> int:
        """The event time from which on counts are dropped.

        By the latest of the recent clocks, also of those that do not count yet: after an outage of all workers the
        first events are hours ahead of the clock that counts, and right.
        """
        return max([self.wall, *(wall for wall, _ in self.clocks.values())]) + FURTHEST_MS

    def event_time(self, timing: Timing) -> EventTimeState:
        """The watermark by this timing. It can go back as sources appear and disappear: callers keep the largest."""
        state = self._event_time(timing)
        until = self.holes_until + timing.out_of_orderness if self.holes_until else 0
        return state._replace(incomplete_until=until) if until else state

    def _event_time(self, timing: Timing) -> EventTimeState:
        live: list[int] = []
        idle: list[int] = []
        stalled, ahead = 0, self.ahead(self.by_events())
        for source in self.sources.values():
            if source.is_stalled(self.active, timing):
                stalled += 1
            elif source.is_idle(timing):
                # It was silent until its last report. An event after that may exist and not be reported yet, so an idle
                # source still holds the watermark back to that report.
                idle.append(source.reported_at - ahead)
            elif source.newest is not None:
                live.append(source.newest)
            else:
                return _UNKNOWN  # it is being read and has not reported an event: its first one may be older than all
        if live:
            return EventTimeState(min(live + idle) - timing.out_of_orderness, not stalled, False)
        silent = self.wall - ahead - timing.idle_timeout - timing.out_of_orderness
        if idle:
            return EventTimeState(min(silent, min(idle) - timing.out_of_orderness), not stalled, False)
        if self.active - self.born <= timing.stall_timeout:
            return _UNKNOWN  # the first workers may still be starting
        # Events of the time of a leap may still be read. So that time is closed bit by bit, not at once.
        return EventTimeState(silent - self.debt, False, True)


def _name(source: SourcePartition) -> str:
    return f"{source.topic}/{source.partition}"
