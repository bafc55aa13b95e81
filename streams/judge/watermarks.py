"""How far event time has come in a journal partition: the slowest live source partition says. Pure.

Time is what the journal's progress records say it is. A source partition that has caught up and is silent, or that
stands still, is left out, so that neither an empty partition nor a dead worker stops time; without any live one the
wall clock in the records moves it, so that silence itself becomes visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from streams.journal import Progress, SourcePartition, Timing

FORGET_MS = 3_600_000
"""A source partition that no worker has spoken of for so long is gone: its topic was renamed, say."""

LEAP_MS = 30_000
"""A clock that is further ahead than this is not believed while another worker speaks that is not."""

LATELY = 20
"""A worker has spoken lately if it did within so many progress records."""


@dataclass(slots=True)
class _Source:
    position: int
    newest: int | None
    caught_up: bool
    heard_at: int  # wall time of the last report, as its worker told it
    moved_at: int  # wall time of the last report of a new position
    newer_at: int  # wall time of the last report of a newer event


class Reading(NamedTuple):
    """The event time that is complete, and how far that can be trusted.

    `complete` is false where a source partition stands still and was left out, `broken` true where none reports.
    """

    watermark: int | None
    complete: bool
    broken: bool


class Watermarks:
    """Source partitions as the progress records of one journal partition tell of them; times in milliseconds."""

    def __init__(self) -> None:
        self.born = 0
        self.wall = 0
        self.newest = 0
        self._sources: dict[SourcePartition, _Source] = {}
        self._clocks: dict[str, tuple[int, int]] = {}  # by worker: what it last told, and as the how-manieth record
        self._told = 0

    def apply(self, progress: Progress) -> None:
        """Take in one progress record.

        The wall clock never goes back, and leaps only where no worker that spoke lately says otherwise.
        """
        if self._believed(progress):
            self.wall = max(self.wall, progress.wall)
        self.born = self.born or self.wall
        # A report may have been long under way: its source was as it says when it was made, if that clock can be right.
        told = progress.wall if 0 <= self.wall - progress.wall <= LEAP_MS else self.wall
        for report in progress.sources:
            known = self._sources.get(report.source)
            if known is None:
                known = self._sources[report.source] = _Source(-1, None, False, told, self.wall, self.wall)
            if report.position != known.position:
                known.moved_at = self.wall
            if report.newest is not None:
                newest = min(report.newest, self.wall)  # an event from the future says nothing of the present
                if known.newest is None or newest > known.newest:
                    known.newest, known.newer_at = newest, self.wall
                    self.newest = max(self.newest, newest)
            known.position, known.caught_up, known.heard_at = report.position, report.caught_up, told
        for source in [name for name, known in self._sources.items() if self.wall - known.heard_at > FORGET_MS]:
            del self._sources[source]

    def _believed(self, progress: Progress) -> bool:
        """Whether the time that this record tells is no leap, or one that every other worker heard lately confirms."""
        self._told += 1
        self._clocks[progress.worker] = (progress.wall, self._told)
        self._clocks = {name: told for name, told in self._clocks.items() if self._told - told[1] < LATELY}
        earliest = progress.wall - LEAP_MS
        return self.wall >= earliest or all(wall >= earliest for wall, _ in self._clocks.values())

    def read(self, timing: Timing) -> Reading:
        """The watermark by this timing; it can go back, as sources come and go, so keep the largest."""
        live: list[int] = []
        idle: list[int] = []
        stalled = 0
        for source in self._sources.values():
            if self._stalled(source, timing):
                stalled += 1
            elif self._idle(source, timing):
                idle.append(source.heard_at)  # silent until then; of what came after nobody has told
            elif source.newest is not None:
                live.append(source.newest)
            else:
                return Reading(None, True, False)  # it has yet to say where it stands
        if live:
            return Reading(min(live + idle) - timing.out_of_orderness, not stalled, False)
        silent = self.wall - timing.idle_timeout - timing.out_of_orderness
        if idle:
            return Reading(min(silent, min(idle) - timing.out_of_orderness), not stalled, False)
        if self.wall - self.born <= timing.stall_timeout:
            return Reading(None, True, False)  # nobody has reported yet, and may still
        return Reading(silent, False, True)

    def _stalled(self, source: _Source, timing: Timing) -> bool:
        since = source.heard_at if source.caught_up else min(source.heard_at, source.moved_at, source.newer_at)
        return self.wall - since > timing.stall_timeout

    def _idle(self, source: _Source, timing: Timing) -> bool:
        if not source.caught_up:
            return False
        return source.newest is None or source.heard_at - source.newer_at > timing.idle_timeout

    def dump(self) -> dict[str, object]:
        """Everything as JSON values, for a snapshot."""
        return {
            "born": self.born,
            "wall": self.wall,
            "newest": self.newest,
            "told": self._told,
            "clocks": {worker: list(told) for worker, told in self._clocks.items()},
            "sources": [[s.topic, s.partition, asdict(source)] for s, source in self._sources.items()],
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Watermarks:
        """The watermarks that `dump` described."""
        marks = cls()
        marks.born, marks.wall, marks.newest = state["born"], state["wall"], state["newest"]
        marks._told = state["told"]
        marks._clocks = {worker: (wall, told) for worker, (wall, told) in state["clocks"].items()}
        marks._sources = {
            SourcePartition(topic, partition): _Source(**source) for topic, partition, source in state["sources"]
        }
        return marks
