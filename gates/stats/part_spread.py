"""How much more bad events differ between parts of a cohort (instances, users) than independent ones would.

In a block of time each part has its share of the events, and independent bad events follow it. What all parts go
through together cancels. Pearson's statistic over its expectation is 1 for independent bad events and grows with what
hangs together: an instance that pauses, a client that fails.

A fault of one part, once, must not make the gate slow for the rest of the rollout. So the last `KEPT` blocks count, and
of those the ones far beyond the usual are left out until the third such burst: then they are how this service is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from math import fsum
from statistics import median
from typing import Any, NamedTuple

from gates.stats.block_dispersion import BEYOND

Parts = Mapping[str, tuple[float, int]]
"""Bad events and all events of each part."""

KEPT = 30
"""Blocks with bad events that count: five minutes of blocks of 10 s, half an hour of blocks of a minute."""

RECURRING = 3
"""From this many bursts in the last blocks on, they count."""


class _Block(NamedTuple):
    """Pearson's statistic and its expectation, for the block as one and for its panes one by one."""

    number: int
    square: float
    variance: float
    pane_square: float
    pane_variance: float


class PartSpread:
    """The spread between parts over blocks of one length, which may be one pane or many.

    >>> spread = PartSpread()
    >>> for number in range(3):
    ...     for _ in range(10):
    ...         pane = {"a": (2, 500), "b": (0, 500)}
    ...         spread.add_pane(pane, pearson(pane))
    ...     spread.close_block(number)
    >>> spread.blocks, spread.ratio, spread.pane_ratio
    (3, 20.0, 2.0)
    """

    def __init__(self) -> None:
        self._blocks: deque[_Block] = deque(maxlen=KEPT)
        self._open: dict[str, tuple[float, int]] = {}
        self._panes = 0.0, 0.0  # Pearson's statistic of the open block's panes, and its expectation
        self._summarize()

    @property
    def blocks(self) -> int:
        """How many blocks are known, those that are left out included."""
        return len(self._blocks)

    def add_pane(self, parts: Parts, statistic: tuple[float, float]) -> None:
        """Take in one pane; `statistic` is its `pearson`, which spreads over blocks of several lengths share."""
        for part, (bad, events) in parts.items():
            before = self._open.get(part, (0.0, 0))
            self._open[part] = before[0] + bad, before[1] + events
        square, variance = statistic
        self._panes = self._panes[0] + square, self._panes[1] + variance

    def close_block(self, number: int) -> None:
        """End the block with this number; one without bad events, or of one part, is left out."""
        square, variance = pearson(self._open)
        if variance:
            self._blocks.append(_Block(number, square, variance, *self._panes))
            self._summarize()
        self._open, self._panes = {}, (0.0, 0.0)

    def _summarize(self) -> None:
        kept = _without_bursts(self._blocks)
        self.ratio = _ratio(kept, 1, 2)
        """The statistic over its expectation, of blocks; 0 where nothing is known."""
        self.pane_ratio = _ratio(kept, 3, 4)
        """The same of the panes that these blocks are made of."""

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [[list(block) for block in self._blocks], self._open, list(self._panes)]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        blocks, parts, (square, variance) = state
        self._blocks = deque((_Block(*block) for block in blocks), maxlen=KEPT)
        self._open = {part: (bad, events) for part, (bad, events) in parts.items()}
        self._panes = square, variance
        self._summarize()


def pearson(parts: Parts) -> tuple[float, float]:
    """Pearson's statistic of the parts, and what it is on average if their bad events are independent."""
    total = fsum(bad for bad, _ in parts.values())
    events = sum(number for _, number in parts.values())
    if not total or sum(number > 0 for _, number in parts.values()) < 2:
        return 0.0, 0.0
    shares = [(bad, number / events) for bad, number in parts.values()]
    square = fsum((bad - total * share) ** 2 for bad, share in shares)
    return square, fsum(total * share * (1.0 - share) for _, share in shares)


def _without_bursts(blocks: Sequence[_Block]) -> Sequence[_Block]:
    """The blocks, without those far beyond the usual while these are one burst or two."""
    if not blocks:
        return blocks
    most = BEYOND * max(1.0, median(block.square / block.variance for block in blocks))
    beyond = [block for block in blocks if block.square > most * block.variance]
    numbers = {block.number for block in beyond}
    bursts = sum(number - 1 not in numbers for number in numbers)
    return blocks if bursts >= RECURRING else [block for block in blocks if block.number not in numbers]


def _ratio(blocks: Sequence[_Block], square: int, variance: int) -> float:
    expected = fsum(block[variance] for block in blocks)
    return fsum(block[square] for block in blocks) / expected if expected else 0.0
