"""When the blocks of an evidence begin and end: each length is fixed as its block opens, from earlier panes alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import fsum, log
from typing import Any

from gates.stats.block_bets import block_panes, largest_log_factor
from gates.stats.pane_counts import PaneCounts

RECENT_S = 10.0
"""The recent counts, from which the length of the next block is fixed."""


class BlockClock:
    """The open block of a comparison, in panes of `pane_s` seconds.

    `ratio` is tolerated, `weight` the candidate's ordered share. `least_bad` is the share of the baseline's events that
    is bad by construction.

    >>> clock = BlockClock(1.25, 1.0, 0.05)
    >>> clock.opens(correlation_s=1.0), clock.next_look(1.0)
    (True, (3, 3))
    >>> clock.add_pane(PaneCounts(0, 9, 50, 950)), clock.next_look(1.0)
    (False, (2, 3))
    """

    def __init__(self, ratio: float, pane_s: float, weight: float, least_bad: float = 0.0) -> None:
        self._ratio = ratio
        self._pane_s = pane_s
        self._least_bad = least_bad
        self._largest = largest_log_factor(weight, 1.0 - weight, least_bad, ratio)
        self._age, self._length = 0, 1  # of the open block, in panes
        self._objective: float | None = None  # of its candidate, where that is alone
        # the baseline's bad events, and all events of candidate and baseline, of recent panes
        self._recent: deque[tuple[float, int, int]] = deque(maxlen=max(1, round(RECENT_S / pane_s)))

    @property
    def is_open(self) -> bool:
        """Whether a block is open, with at least one pane in it."""
        return self._age > 0

    def interrupted(self, *, alone: bool) -> bool:
        """Whether the open block is of the other kind, with a baseline or without; it then ends before the pane."""
        other = self.is_open and alone is (self._objective is None)
        self._age = 0 if other else self._age
        return other

    def opens(self, correlation_s: float, objective: float | None = None) -> bool:
        """Whether a block opens with the pane at hand; its length is then fixed.

        `objective` is the share of bad events that a candidate without a baseline is held against.
        """
        if self._age:
            return False
        self._objective = objective
        self._length = block_panes(correlation_s, self._largest_now(), self._pane_s)
        return True

    def _largest_now(self) -> float:
        if self._objective is not None:
            return -log(self._objective)
        base_bad, events, base_events = self.recent()
        if events > 0 and base_events > 0:  # else the last is kept: nothing better is known
            bad_share = max(self._least_bad, base_bad / base_events)
            self._largest = largest_log_factor(events, base_events, bad_share, self._ratio)
        return self._largest

    def recent(self) -> tuple[float, int, int]:
        """The baseline's bad events, and all events of candidate and baseline, of the recent panes."""
        return (
            fsum(pane[0] for pane in self._recent),
            sum(pane[1] for pane in self._recent),
            sum(pane[2] for pane in self._recent),
        )

    def add_pane(self, counts: PaneCounts) -> bool:
        """Take in the pane; whether the open block ends with it."""
        self._recent.append((counts.baseline_bad, counts.candidate_events, counts.baseline_events))
        self._age = 0 if self._age + 1 >= self._length else self._age + 1
        return self._age == 0

    def next_look(self, correlation_s: float) -> tuple[int, int]:
        """In how many panes the open block, or the one that opens next, ends; and how long it is."""
        length = self._length if self._age else block_panes(correlation_s, self._largest_now(), self._pane_s)
        return length - self._age, length

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [self._age, self._length, self._largest, self._objective, [list(pane) for pane in self._recent]]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        self._age, self._length, self._largest, self._objective, recent = state
        self._recent.clear()
        self._recent.extend((bad, events, base_events) for bad, events, base_events in recent)
