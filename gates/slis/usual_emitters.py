"""How many emitters of a cohort usually report: what `expected: auto` takes from the last minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import nsmallest
from statistics import median_high
from typing import Any

from gates.documents.quantities import MINUTE_MS
from gates.panes import MOST_EMITTERS

PAST_MS = 10 * MINUTE_MS
"""How far back earlier windows count."""


class UsualEmitters:
    """The median number of emitters that reported in the windows of the last ten minutes.

    Whole windows are compared with the sliding one, because like is compared with like: emitters that report rarely, or
    that live for a few minutes only, are far more in ten minutes than in any window, and would always be missed. The
    median ignores a rolling restart, in which both generations report for a while, and follows an autoscaler after half
    of the time. Windows without any emitter are silence, which other rules judge, and do not count.

    >>> usual = UsualEmitters(window_ms=2_000)
    >>> for second in range(8):
    ...     usual.observe(second * 1_000, {1, 2, 3})
    >>> usual.number(before=6_000), usual.number(before=1_000)
    (3, None)
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._past_ms = max(PAST_MS, window_ms)
        self.forget()

    def forget(self) -> None:
        """Start again: the numbers of before are no measure of what follows."""
        self._begin: int | None = None
        self._open: set[int] = set()
        # One more than the past has: the newest may overlap with the sliding window.
        self._closed: deque[tuple[int, int]] = deque(maxlen=self._past_ms // self._window_ms + 2)

    def observe(self, start: int, emitters: Iterable[int]) -> None:
        """Add the emitters (hashes) of the pane that begins at `start`."""
        begin = start if self._begin is None else self._begin
        passed = (start - begin) // self._window_ms
        if passed and self._open:
            self._closed.append((begin + self._window_ms, len(self._open)))
            self._open = set()
        self._begin = begin + passed * self._window_ms
        self._open.update(emitters)
        if len(self._open) > MOST_EMITTERS:
            self._open = set(nsmallest(MOST_EMITTERS, self._open))

    def number(self, before: int) -> int | None:
        """How many are usual, by the whole windows of the ten minutes up to `before`; None without any."""
        counts = [number for end, number in self._closed if before - self._past_ms < end <= before]
        return median_high(counts) if counts else None

    def dump(self) -> list[Any]:
        """All of it as JSON values."""
        return [self._begin, sorted(self._open), [list(window) for window in self._closed]]

    def restore(self, state: list[Any]) -> None:
        """Continue from what `dump` returned."""
        begin, emitters, closed = state
        self.forget()
        self._begin, self._open = begin, set(emitters)
        self._closed.extend((end, number) for end, number in closed)
