"""How long bad events hang together (rho), and by how much they vary more than independent ones (phi).

Both are measured on the baseline, from panes before the one at hand. rho is a time in seconds: the dispersion over
blocks of 10 s and 30 s, relative to that over single panes, since counts that hang together for longer than a pane vary
more over a block of many panes than over one (batch means: Glynn and Whitt, Operations Research Letters 10, 1991).
Where events name their emitter or their user, the same is measured between parts: a burst or a drift that all parts go
through together cancels there, and there are more degrees of freedom in each block. phi, the design effect, divides the
logarithm of the evidence for an advance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import Any

from gates.stats.block_dispersion import BlockDispersion
from gates.stats.halves_dispersion import MARGIN

TIME_SCALES: Mapping[float, int] = {10.0: 3, 30.0: 5}
"""Lengths of blocks by time in seconds, and from how many terms on they count. There is no block of 60 s: two common
bursts of 30 s then made the gate blind for the rest of the rollout."""

PART_SCALES: Mapping[float, int] = {10.0: 3, 30.0: 2, 60.0: 2}
"""The same between parts, in blocks."""

_PHI_TERMS = {10.0: 2, 30.0: 3}
_PHI_BLOCKS = 2

PRIOR_PHI = 12.0
PRIOR_BLOCKS = 6
SETTLED_BLOCKS = 30
"""Before this number of blocks of 10 s, phi is drawn towards `PRIOR_PHI`, which weighs as `PRIOR_BLOCKS` blocks do."""

RENEWED_S = 10.0
"""rho is measured again whenever a block of this length ends."""

BaselineParts = Mapping[str, Mapping[str, tuple[float, int]]]
"""By kind of part (emitter, user): bad events and all events of each part of the baseline in one pane."""


class _Spread:
    """Pearson's statistic of bad events over parts, summed over blocks: square, variance, and blocks."""

    __slots__ = ("blocks", "square", "variance")

    def __init__(self, square: float = 0.0, variance: float = 0.0, blocks: int = 0) -> None:
        self.square, self.variance, self.blocks = square, variance, blocks

    def add_block(self, counts: Mapping[str, tuple[float, int]]) -> None:
        """Take in one block by part; a block of one part, or without bad events, is left out."""
        total = fsum(bad for bad, _ in counts.values())
        events = sum(number for _, number in counts.values())
        if not total or sum(number > 0 for _, number in counts.values()) < 2:
            return
        for bad, number in counts.values():
            share = number / events
            self.square += (bad - total * share) ** 2
            self.variance += total * share * (1.0 - share)
        self.blocks += 1

    @property
    def ratio(self) -> float:
        """The statistic over its expectation for independent events; 0 without a block."""
        return self.square / self.variance if self.variance else 0.0


class ErrorCorrelation:
    """rho and phi of one kind of bad event of the baseline. Add a pane AFTER it was judged.

    >>> correlation = ErrorCorrelation(pane_s=1.0)
    >>> for pane in range(130):
    ...     correlation.add_pane(30 if pane // 10 % 2 == 0 else 0, 1000)
    >>> round(correlation.rho, 3), round(correlation.phi, 3)
    (434.824, 620.843)
    """

    def __init__(self, pane_s: float, kinds: Sequence[str] = ("emitter", "user")) -> None:
        self._pane_s = pane_s
        self._tick = 0
        self.rho = 1.0
        self._panes = BlockDispersion()
        self._by_time = {scale: BlockDispersion() for scale in TIME_SCALES if scale > pane_s}
        self._tens = self._by_time.get(10.0, self._panes)
        self._open = dict.fromkeys(self._by_time, (0.0, 0))
        scales = (pane_s, *(scale for scale in PART_SCALES if scale > pane_s))
        self._between = {kind: {scale: _Spread() for scale in scales} for kind in kinds}
        self._open_parts: dict[str, dict[float, dict[str, tuple[float, int]]]] = {
            kind: {scale: {} for scale in scales} for kind in kinds
        }

    def add_pane(self, bad: float, events: int, parts: BaselineParts | None = None) -> None:
        """Take in one pane of the baseline."""
        self._panes.add_block(bad, events)
        self._tick += 1
        for scale, dispersion in self._by_time.items():
            block = self._open[scale][0] + bad, self._open[scale][1] + events
            if self._ends(scale):
                dispersion.add_block(*block)
                block = 0.0, 0
            self._open[scale] = block
        for kind, known in (parts or {}).items():
            self._add_parts(kind, known)
        if self._ends(RENEWED_S):
            self.rho = max([1.0, *self._rho_by_time(), *self._rho_between_parts()])

    def _ends(self, scale: float) -> bool:
        """Whether a block of this many seconds ends with the pane."""
        return round(self._tick * self._pane_s, 6) % scale == 0

    def _add_parts(self, kind: str, known: Mapping[str, tuple[float, int]]) -> None:
        for scale, block in self._open_parts[kind].items():
            for part, (bad, events) in known.items():
                before = block.get(part, (0.0, 0))
                block[part] = before[0] + bad, before[1] + events
            if self._ends(scale):
                self._between[kind][scale].add_block(block)
                block.clear()

    def _rho_by_time(self) -> Iterator[float]:
        one = self._panes.get()
        for scale, least in TIME_SCALES.items():
            dispersion = self._by_time.get(scale)
            found = None if dispersion is None or dispersion.blocks < least else dispersion.get()
            if found is not None and one is not None:
                yield MARGIN * found / one

    def _rho_between_parts(self) -> Iterator[float]:
        for spreads in self._between.values():
            one = max(1.0, spreads[self._pane_s].ratio)
            for scale, least in PART_SCALES.items():
                spread = spreads.get(scale)
                if spread is not None and spread.blocks >= least and spread.variance:
                    yield MARGIN * spread.ratio / one

    @property
    def settled(self) -> bool:
        """Whether phi is measured; while blocks are few and nothing is found beyond the prior, it is mostly that."""
        return self._tens.blocks >= SETTLED_BLOCKS or self.phi > PRIOR_PHI

    @property
    def phi(self) -> float:
        """The design effect, at least 1: raised by a third of its excess, and by the prior while blocks are few."""
        blocks = self._tens.blocks
        found = max([1.0, *self._phi_by_time(), *self._phi_between_parts()])
        phi = found + (found - 1.0) / 3.0
        if blocks >= SETTLED_BLOCKS:
            return phi
        return max(phi, (blocks * phi + PRIOR_BLOCKS * PRIOR_PHI) / (blocks + PRIOR_BLOCKS))

    def _phi_by_time(self) -> Iterator[float]:
        for scale, least in _PHI_TERMS.items():
            dispersion = self._by_time.get(scale)
            found = None if dispersion is None or dispersion.blocks < least else dispersion.get()
            if found is not None:
                yield found

    def _phi_between_parts(self) -> Iterator[float]:
        for spreads in self._between.values():
            for scale, spread in spreads.items():
                if scale >= RENEWED_S and spread.blocks >= _PHI_BLOCKS and spread.variance:
                    yield MARGIN * spread.ratio

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [
            self._tick,
            self.rho,
            self._panes.dump(),
            [[scale, list(self._open[scale]), known.dump()] for scale, known in self._by_time.items()],
            [
                [kind, scale, [spread.square, spread.variance, spread.blocks], self._open_parts[kind][scale]]
                for kind, spreads in self._between.items()
                for scale, spread in spreads.items()
            ],
        ]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        self._tick, self.rho, panes, by_time, between = state
        self._panes.load(panes)
        for scale, (bad, events), known in by_time:
            self._by_time[scale].load(known)
            self._open[scale] = bad, events
        for kind, scale, sums, block in between:
            self._between[kind][scale] = _Spread(*sums)
            self._open_parts[kind][scale] = {part: (bad, events) for part, (bad, events) in block.items()}
