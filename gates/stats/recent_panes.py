"""The last panes of a stage: a candidate that turned bad late must not advance on the merits of its first hour.

Of a candidate that is as good as the baseline, a usual share of events is bad; of one at the bound, what the bound
allows. The last panes must be nearer to the former. At the bound itself they would not do: a candidate that gets worse
only a little stays below it by chance, while its evidence is still that of the time before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import fsum
from typing import Any, NamedTuple, Self

from gates.stats.pane_counts import PaneCounts

MOST_SLOTS = 60
"""The last sixth of a bake of a day is 14,400 seconds: more panes than this share slots, and a slot leaves as one."""


class _Slot(NamedTuple):
    """Some panes in a row: their counts, the usual bad events of the baseline, and those that are allowed besides."""

    panes: int
    counts: PaneCounts
    usual: float
    allowed: float

    def plus(self, other: Self) -> _Slot:
        counts = self.counts.plus(other.counts)
        return _Slot(self.panes + other.panes, counts, self.usual + other.usual, self.allowed + other.allowed)


class RecentPanes:
    """The last panes, each with how many bad events its margin adds, and how many of the baseline's are usual.

    >>> recent = RecentPanes()
    >>> recent.add_pane(PaneCounts(13, 10, 1_000, 1_000), usual=10, margin=0.005, most=10)
    >>> recent.are_good(ratio=1.25), recent.are_good(ratio=1.0)
    (True, False)
    """

    def __init__(self) -> None:
        self._slots: deque[_Slot] = deque()
        self._panes = 0

    def add_pane(self, counts: PaneCounts, usual: float, margin: float, most: int) -> None:
        """Take in a pane; the last `most` of them are kept, and less than a slot more.

        `usual` is how many of the baseline's events are bad by the measure that the candidate is counted by: for a
        quantile those beyond the candidate's threshold, else its bad events.
        """
        self._add(_Slot(1, counts, usual, margin * counts.candidate_events), most)

    def add_alone(self, counts: tuple[float, int], objective: float, most: int) -> None:
        """Take in a pane that is held against a share of bad events: up to there it is good."""
        bad, events = counts
        self._add(_Slot(1, PaneCounts(bad, 0, 0, 0), 0.0, 2.0 * objective * events), most)

    def _add(self, pane: _Slot, most: int) -> None:
        if self._slots and self._slots[-1].panes < -(-most // MOST_SLOTS):
            pane = self._slots.pop().plus(pane)
        self._slots.append(pane)
        self._panes += 1
        while self._panes - self._slots[0].panes >= most:
            self._panes -= self._slots.popleft().panes

    def are_good(self, ratio: float) -> bool:
        """Whether they are nearer to what is usual than to `ratio` times the baseline plus the margin.

        False without data.
        """
        bad, base_bad, events, base_events = (fsum(slot.counts[index] for slot in self._slots) for index in range(4))
        usual, allowed = fsum(slot.usual for slot in self._slots), fsum(slot.allowed for slot in self._slots)
        if events and base_events:
            allowed += events * (usual + ratio * base_bad) / base_events
        elif not allowed:
            return False
        return 2.0 * bad <= allowed

    def clear(self) -> None:
        """A stage begins."""
        self._slots.clear()
        self._panes = 0

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [[slot.panes, list(slot.counts), slot.usual, slot.allowed] for slot in self._slots]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        self._slots = deque(
            _Slot(panes, PaneCounts(*counts), usual, allowed) for panes, counts, usual, allowed in state
        )
        self._panes = sum(slot.panes for slot in self._slots)
