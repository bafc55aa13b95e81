"""The guard rail: whether the candidate, over the sliding window, is beyond an absolute limit.

A window breaches only with at least `min_events` bad events in it, so that one error among three requests stops nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Standing(Enum):
    """How the window stands to the limit."""

    WITHIN = auto()
    ABOVE_BUT_FEW = auto()
    BREACHED = auto()


@dataclass(frozen=True, slots=True)
class Guard:
    """The limit and how many bad events make a breach credible; `limit` is in the unit of the value judged."""

    limit: float
    min_events: int

    def standing(self, value: float | None, bad_events: int) -> Standing:
        """Judge a window by its value (None without data) and its number of bad events.

        >>> Guard(0.05, 20).standing(0.5, 10), Guard(0.05, 20).standing(0.5, 20)
        (<Standing.ABOVE_BUT_FEW: 2>, <Standing.BREACHED: 3>)
        """
        if value is None or value <= self.limit:
            return Standing.WITHIN
        return Standing.BREACHED if bad_events >= self.min_events else Standing.ABOVE_BUT_FEW
