"""Thin traffic: panes without one of the cohorts wait, and are added to the next one, until both have events.

A pane of one cohort alone is no evidence, and at one request a second in turns no pane ever has both. Whether panes are
merged depends on the numbers of requests alone, never on bad events, so the e-factors of the merged counts stay valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gates.stats.pane_counts import PaneCounts

LONGEST_MS = 60_000
"""Counts that have waited this long are dropped: what they would be compared with is too far away in time."""

Parts = Mapping[str, tuple[float, int]]


class Merged(NamedTuple):
    """Counts of one or several panes, and the candidate's by part; `start` is that of the first pane."""

    counts: PaneCounts
    parts: Parts
    start: int


class PaneMerger:
    """Counts that wait for the other cohort.

    `dropped` is how many events were left out, because the other cohort had none for too long.
    """

    def __init__(self) -> None:
        self.clear()
        self.dropped = 0

    def clear(self) -> None:
        """Forget what waits."""
        self._since: int | None = None
        self._counts = PaneCounts(0, 0, 0, 0)
        self._parts: dict[str, tuple[float, int]] = {}

    def merge(self, start: int, end: int, counts: PaneCounts | None, parts: Parts | None = None) -> Merged | None:
        """Add the counts, if any, of a pane from `start` to `end` in milliseconds.

        Returns all that waited, once both cohorts have events.
        """
        if self._since is not None and end - self._since > LONGEST_MS:
            self.dropped += self._counts.candidate_events + self._counts.baseline_events
            self.clear()
        if counts is None or not (counts.candidate_events or counts.baseline_events):
            return None
        self._since = start if self._since is None else self._since
        self._counts = self._counts.plus(counts)
        for name, (bad, events) in (parts or {}).items():
            before = self._parts.get(name, (0, 0))
            self._parts[name] = before[0] + bad, before[1] + events
        if not self._counts.compared:
            return None
        found = Merged(self._counts, self._parts, self._since)
        self.clear()
        return found

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [
            self._since,
            list(self._counts),
            {name: list(known) for name, known in self._parts.items()},
            self.dropped,
        ]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        self._since, counts, parts, self.dropped = state
        self._counts = PaneCounts(*counts)
        self._parts = {name: (bad, events) for name, (bad, events) in parts.items()}
