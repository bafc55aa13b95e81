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
    """The largest share of bad events, and how many of them make a breach credible."""

    share: float
    min_events: int

    def standing(self, bad_events: int, events: int) -> Standing:
        """Judge a window by its events and the bad ones among them; without events it is within.

        >>> Guard(0.05, 20).standing(10, 20), Guard(0.05, 20).standing(20, 40)
        (<Standing.ABOVE_BUT_FEW: 2>, <Standing.BREACHED: 3>)
        """
        if bad_events <= self.share * events:
            return Standing.WITHIN
        return Standing.BREACHED if bad_events >= self.min_events else Standing.ABOVE_BUT_FEW
