"""The last panes of a stage: a candidate that turned bad late must not advance on the merits of its first hour.

Of a candidate that is as good as the baseline, a usual share of events is bad; of one at the bound, what the bound
allows. The last panes must be nearer to the former. At the bound itself they would not do: a candidate that gets worse
only a little stays below it by chance, while its evidence is still that of the time before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import fsum
from typing import Any

from gates.stats.pane_counts import PaneCounts


class RecentPanes:
    """The last panes, each with how many bad events its margin adds, and how many of the baseline's are usual.

    >>> recent = RecentPanes()
    >>> recent.add_pane(PaneCounts(13, 10, 1_000, 1_000), usual=10, margin=0.005, most=10)
    >>> recent.are_good(ratio=1.25), recent.are_good(ratio=1.0)
    (True, False)
    """

    def __init__(self) -> None:
        self._panes: deque[tuple[PaneCounts, float, float]] = deque()

    def add_pane(self, counts: PaneCounts, usual: float, margin: float, most: int) -> None:
        """Take in a pane; `most` of them are kept.

        `usual` is how many of the baseline's events are bad by the measure that the candidate is counted by: for a
        quantile those beyond the candidate's threshold, else its bad events.
        """
        self._add((counts, usual, margin * counts.candidate_events), most)

    def add_alone(self, counts: tuple[float, int], objective: float, most: int) -> None:
        """Take in a pane that is held against a share of bad events: up to there it is good."""
        bad, events = counts
        self._add((PaneCounts(bad, 0, 0, 0), 0.0, 2.0 * objective * events), most)

    def _add(self, pane: tuple[PaneCounts, float, float], most: int) -> None:
        self._panes.append(pane)
        while len(self._panes) > most:
            self._panes.popleft()

    def are_good(self, ratio: float) -> bool:
        """Whether they are nearer to what is usual than to `ratio` times the baseline plus the margin.

        False without data.
        """
        bad, base_bad, events, base_events = (fsum(pane[index] for pane, _, _ in self._panes) for index in range(4))
        usual, allowed = fsum(known for _, known, _ in self._panes), fsum(known for _, _, known in self._panes)
        if events and base_events:
            allowed += events * (usual + ratio * base_bad) / base_events
        elif not allowed:
            return False
        return 2.0 * bad <= allowed

    def clear(self) -> None:
        """A stage begins."""
        self._panes.clear()

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [[list(counts), usual, allowed] for counts, usual, allowed in self._panes]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        self._panes.clear()
        self._panes.extend((PaneCounts(*counts), usual, allowed) for counts, usual, allowed in state)
