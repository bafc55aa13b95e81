"""When a limit on a sliding window is broken: by a candidate of a given rate of bad events, or a healthy one by chance.

Requests and bad events are taken as Poisson processes. A window that is full is broken at a constant rate (Alm 1983;
Glaz, Naus and Wallenstein: Scan Statistics, 2001, section 11.2); before that, once it holds enough bad events.
Events that come in clusters break a limit more often than this.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, floor, inf, lgamma, log, sqrt

NEVER_S = 1e9
"""A median beyond thirty years is never."""

_NEGLIGIBLE = 1e-15


@dataclass(frozen=True, slots=True)
class WindowBreach:
    """The chance that a window is broken, `share` and `min_events` being the limit's.

    `rate` are the events a second and `bad` the share of them that is bad, both 0 or more. `before` are the events a
    second, and `bad_before` the bad share, that fill the window when the stage begins.
    """

    share: float
    window_s: float
    min_events: int
    rate: float
    bad: float
    before: float = 0.0
    bad_before: float = 0.0

    @property
    def _bad_rate(self) -> float:
        return self.rate * self.bad

    @property
    def _full(self) -> float:
        """The bad events that a full window has in the mean."""
        return self._bad_rate * self.window_s

    def _needed(self, seconds: float) -> int:
        """The bad events that break the limit after so long.

        All events of the window vary with the bad ones, so at a large share the excess over the limit varies less than
        the bad events alone: their distance from the mean is counted as larger by that.
        """
        by_share, mean = floor(self.share * self.rate * seconds + 1e-9) + 1, self._bad_rate * seconds
        if self.bad and by_share > max(mean, self.min_events):
            variance = min(1.0, max(1e-6, 1.0 - 2.0 * self.share + self.share**2 / self.bad))
            by_share = ceil(mean + (by_share - mean) / sqrt(variance))
        return max(self.min_events, by_share)

    def _delay(self) -> float:
        """How long events from before the stage keep the share of the window below the limit."""
        gained = self.rate * (self.bad - self.share)
        owed = self.before * (self.share - self.bad_before)
        return self.window_s * owed / (gained + owed) if gained > 0.0 and owed > 0.0 else 0.0

    def _filling(self, seconds: float) -> float:
        """The chance that the limit was broken `seconds` after the window was empty, at most a window later.

        A window that was full of requests before is not as easily broken by the first few of a healthy stage.
        """
        if self.before and self.bad <= self.share:
            return at_least(self._needed(self.window_s), self._full)
        few = self.min_events / (self.share * self.rate) if self.share else inf  # until then min_events decides
        early = at_least(self.min_events, self._bad_rate * min(seconds, few))
        return max(early, at_least(self._needed(seconds), self._bad_rate * seconds))

    def _per_second(self) -> float:
        """How often a full window is broken."""
        needed, mean = self._needed(self.window_s), self._full
        if needed <= mean:
            return 1.0 / self.window_s
        new = (needed - mean) / needed * self._bad_rate * _exactly(needed - 1, mean)
        return max(new, at_least(needed, mean) / self.window_s)

    def chance(self, seconds: float) -> float:
        """The chance that the limit is broken within `seconds` of the stage.

        >>> breach = WindowBreach(share=0.05, window_s=30.0, min_events=20, rate=100.0, bad=0.02)
        >>> breach.chance(3_600.0) < 1e-3, WindowBreach(0.001, 30.0, 20, 100.0, 0.02).chance(60.0) > 0.99
        (True, True)
        """
        if not self._bad_rate or seconds <= self._delay():
            return 0.0
        filled = self._filling(min(seconds, self.window_s))
        return 1.0 - (1.0 - filled) * exp(-self._per_second() * max(0.0, seconds - self.window_s))

    def time(self, chance: float) -> float:
        """Seconds of the stage after which the limit is broken with this chance; infinite for never.

        >>> round(WindowBreach(share=0.05, window_s=30.0, min_events=20, rate=10.0, bad=1.0).time(0.5), 1)
        2.0
        """
        if self.chance(NEVER_S) < chance:
            return inf
        low, high = self._delay(), max(self.window_s, 1.0)
        while self.chance(high) < chance:
            low, high = high, 2.0 * high
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.chance(middle) >= chance else (middle, high)
        return high


def _exactly(number: int, mean: float) -> float:
    """The Poisson probability of this number."""
    return exp(number * log(mean) - mean - lgamma(number + 1)) if mean else float(number == 0)


def at_least(number: int, mean: float) -> float:
    """The Poisson probability of this number or more, summed on the side with the fewer terms."""
    if not mean:
        return float(number <= 0)
    term, total, at = _exactly(number, mean), 0.0, number
    if number > mean:
        while term > _NEGLIGIBLE * total:
            total += term
            at += 1
            term *= mean / at
        return min(1.0, total)
    term = term * number / mean
    while term > _NEGLIGIBLE * total:
        total += term
        at -= 1
        term *= at / mean
    return max(0.0, 1.0 - total)
