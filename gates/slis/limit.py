"""The guard rail: whether the candidate, over the sliding window, is beyond an absolute limit.

A window breaches only with at least `min_events` bad events in it, so that one error among three requests stops nobody.

Where both cohorts get worse at once, chance decides which of them crosses the limit first. So a breach may be shared
though the baseline is still within: if it is more than half-way, on some bad events, and no better beyond chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from math import sqrt
from typing import NamedTuple

BEYOND_CHANCE = 3.0
"""Two shares that are this many standard deviations apart differ."""

Tally = tuple[float, int]
"""Bad events, and all."""


class Standing(Enum):
    """How the window stands to the limit."""

    WITHIN = auto()
    ABOVE_BUT_FEW = auto()
    BREACHED = auto()


class Assessment(NamedTuple):
    """How a window stands to the limit (within, where there is none), and how many values were measured in it."""

    standing: Standing
    sample: int


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

    def alike(self, candidate: Tally, baseline: Tally, least: int | None) -> bool:
        """Whether the baseline is on its way beyond the limit too, no better than a candidate that is beyond it.

        `least` is how many bad events of the baseline show that; None: `min_events`. The baseline's traffic may be a
        small share, and a shared outage must not become a rollback because of that.

        >>> guard = Guard(0.2, 20)
        >>> guard.alike((220, 1_000), (190, 1_000), 5), guard.alike((220, 1_000), (150, 1_000), 5)
        (True, False)
        """
        (bad, events), (base_bad, base_events) = candidate, baseline
        least = self.min_events if least is None else min(least, self.min_events)
        if base_bad < least or base_bad <= 0.5 * self.share * base_events:
            return False
        pooled = (bad + base_bad) / (events + base_events)
        deviation = sqrt(pooled * (1.0 - pooled) * (1.0 / events + 1.0 / base_events))
        return bad / events - base_bad / base_events <= BEYOND_CHANCE * deviation
