"""Dispersion by blocks: how much errors vary from one block of time to the next, beyond what chance explains.

Where no users show which errors belong together, the two halves that should not differ are stretches of time: the
middle one of three consecutive blocks, and its two neighbours together. Their errors are compared as those of the
halves in `gates.stats.halves_dispersion` are, by Pearson's statistic, whose mean is 1 where errors are independent. A
straight drift of the error rate cancels, because the neighbours lie on both sides (differences of neighbours instead
of deviations from a mean: von Neumann and others, Annals of Mathematical Statistics 1941).

A burst or a step of the error rate does not cancel, and is no clustering: both cohorts go through it together. It shows
in few blocks, with very large statistics. So a statistic more than three standard deviations beyond the usual one is
left out; the median is the usual one. With a plain mean, two bursts made the gate blind to small effects for the rest
of the stage.

Clusters that take much longer than a block are not measured.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import fsum

from gates.stats.halves_dispersion import MARGIN

WINDOW = 60
"""The estimate rests on the last blocks with errors, this many at most."""

MEDIAN_OF_CHI_SQUARE = 0.455
"""The median of a squared standard normal number, whose mean is 1."""

BEYOND = 9.0
"""A statistic this many times the usual one is of a burst or a step: the square of three standard deviations."""

State = tuple[list[list[float]], list[list[float]], int]


@dataclass(slots=True)
class BlockDispersion:
    """The dispersion phi of a cohort's errors, from consecutive blocks of time, all of the same length.

    `blocks` is how many blocks count so far, each the middle one of three; the last `WINDOW` of them are used.

    >>> steady, clustered = BlockDispersion(), BlockDispersion()
    >>> for block in range(62):
    ...     steady.add_block(10, 1_000)
    ...     clustered.add_block(30 if block % 3 == 0 else 0, 1_000)
    >>> steady.get(), round(clustered.get(), 6)
    (1.0, 36.0)
    >>> BlockDispersion().get() is None
    True
    """

    blocks: int = 0
    _last: list[tuple[float, float]] = field(default_factory=list)
    _terms: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _ratios: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))  # of each term, its first to its second

    def add_block(self, errors: float, requests: float) -> None:
        """Take in the next block; three in a row without an error, or without requests, do not count."""
        if len(self._last) == 2:
            (errors_1, requests_1), (errors_2, requests_2) = self._last
            total = errors_1 + errors_2 + errors
            outer = requests_1 + requests
            if total and requests_2 and outer:
                share = requests_2 / (requests_2 + outer)
                self._add_term((errors_2 - total * share) ** 2, total * share * (1.0 - share))
                self.blocks += 1
        self._last = [*self._last[-1:], (errors, requests)]

    def _add_term(self, square: float, variance: float) -> None:
        self._terms.append((square, variance))
        self._ratios.append(square / variance)

    def get(self) -> float | None:
        """phi, at least 1 and with the margin; None until three blocks in a row count."""
        if not self._terms:
            return None
        ordered = sorted(self._ratios)
        most = BEYOND * max(1.0, ordered[len(ordered) // 2] / MEDIAN_OF_CHI_SQUARE)
        kept: Iterable[tuple[float, float]] = self._terms
        if ordered[-1] > most:
            kept = [term for term, ratio in zip(self._terms, self._ratios, strict=True) if ratio <= most]
        squares, variances = zip(*kept, strict=True)
        return max(1.0, MARGIN * fsum(squares) / fsum(variances))

    def dump(self) -> State:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [list(block) for block in self._last], [list(term) for term in self._terms], self.blocks

    def load(self, state: State) -> None:
        """Continue from what `dump` returned."""
        last, terms, self.blocks = state
        self._last = [(errors, requests) for errors, requests in last]
        self._terms.clear()
        self._ratios.clear()
        for square, variance in terms:
            self._add_term(square, variance)
