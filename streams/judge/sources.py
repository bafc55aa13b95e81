"""The state of each source partition, from its reports: what is covered, and whether it is idle or stalled. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from streams.cells import SourcePartition
from streams.journal import SourceProgress, Timing
from streams.topic_identity import is_same, joined, topic_id

MOST_PAST: Final = 3
"""Topics before the present one of a source that are remembered: a slow worker may still report on them."""


@dataclass(frozen=True, slots=True)
class SourceHole:
    """Offsets of a source partition, from `first` up to and without `upto`, that no worker has counted."""

    source: SourcePartition
    first: int
    upto: int


@dataclass(frozen=True, slots=True)
class SourceMadeAgain:
    """The topic of a source partition is another one of the same name, with this identity.

    How many records of the one before were never read is not known.
    """

    source: SourcePartition
    identity: str


SourceFinding = SourceHole | SourceMadeAgain
"""What a report shows to be missing."""


def offsets_missing(findings: Iterable[object]) -> int:
    """How many offsets are known to be missing."""
    return sum([found.upto - found.first for found in findings if isinstance(found, SourceHole)])


@dataclass(slots=True)
class Coverage:
    """Which records of a source partition were counted, and of which topic.

    Everything before the offset `covered` was counted, or is known as a hole; None if that is not known. It begins at 0
    for a partition that was added to its topic, whatever is deleted of it by now. `topic_id` is the identity of the
    topic, `past` has those of the topics that had its name before.
    """

    covered: int | None = None
    topic_id: str = ""
    past: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SourceState:
    """What is known of a source partition; `newest` is event time, the other times are in milliseconds.

    `reported_at` is the wall time at which its worker made the last report, `skipped` the wall time that had been
    skipped by then. The others are on the clock of `Watermarks.active`: `moved_at` is when it last reported another
    position, `newer_at` when it last reported a newer event, `named_at` when a worker last counted it among the
    partitions of its topic, and `behind_at` when it was last reported as no longer read to its end.
    """

    position: int
    newest: int | None
    caught_up: bool
    reported_at: int
    moved_at: int
    newer_at: int
    skipped: int = 0
    named_at: int = 0
    behind_at: int = 0
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def active_at(self) -> int:
        """When it last reported, on the clock of `Watermarks.active`."""
        return self.reported_at - self.skipped

    def is_stalled(self, active: int, timing: Timing) -> bool:
        """Whether no report, or none with headway, arrived within `stall_timeout`."""
        if self.caught_up:
            # Without new records there is no headway to report.
            return active - self.active_at > timing.stall_timeout
        # A source that was silent for long has made no headway either; its next worker is given time to begin.
        headway = max(min(self.moved_at, self.newer_at), self.behind_at)
        return active - min(self.active_at, headway) > timing.stall_timeout

    def is_idle(self, timing: Timing) -> bool:
        """Whether it has been read to its end and had no newer event within `idle_timeout`."""
        if not self.caught_up:
            return False
        return self.newest is None or self.active_at - self.newer_at > timing.idle_timeout

    def is_past(self, report: SourceProgress) -> bool:
        """Whether a report is of a topic that is gone: a slow worker has read it."""
        known, given = self.coverage, report.topic_id
        return not is_same(known.topic_id, given) and any(given in (each, topic_id(each)) for each in known.past)

    def turn(self, report: SourceProgress) -> SourceMadeAgain | None:
        """Note which topic a report is of; returns that it is another one, if it is.

        Nothing of that one is counted yet, if the broker gave it an id of its own.
        """
        known = self.coverage
        if is_same(known.topic_id, report.topic_id):
            known.topic_id = joined(known.topic_id, report.topic_id)
            return None
        is_another = topic_id(known.topic_id) != topic_id(report.topic_id)
        known.past = [*known.past, known.topic_id][-MOST_PAST:]
        known.topic_id, self.position = report.topic_id, -1
        known.covered = 0 if is_another else report.since
        return SourceMadeAgain(report.source, report.topic_id)

    def cover(self, report: SourceProgress) -> SourceHole | None:
        """Note which offsets a report covers; returns the hole before them, if there is one.

        A worker commits an offset only once it has reported all before it. So the one that begins there leaves no hole,
        however many workers crash. If it begins later, something else has moved the offsets of the group, or the topic
        has lost records that nobody had read.
        """
        covered = self.coverage.covered
        if covered is None and report.since is not None:
            # Never read before: then all is missing that the topic had when the worker began. Read by an older build:
            # then where it began cannot be checked.
            covered = report.begins if self.position < 0 and report.begins is not None else report.since
        hole = None
        if covered is not None:
            if report.since is not None and report.since > covered:
                hole = SourceHole(report.source, covered, report.since)
            self.coverage.covered = max(covered, report.position)
        return hole
