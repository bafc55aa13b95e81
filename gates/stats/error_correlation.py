"""How long bad events hang together (rho), and by how much they vary more than independent ones (phi).

Both are measured on the baseline, from panes before the one at hand. rho is a time in seconds: the dispersion over
blocks of 10 s and 30 s, relative to that over single panes, since counts that hang together for longer than a pane vary
more over a block of many panes than over one (batch means: Glynn and Whitt, Operations Research Letters 10, 1991).
Where events name their emitter or their user, the same is measured between parts (`gates.stats.part_spread`): a burst
or a drift that all parts go through together cancels there, and there are more degrees of freedom in each block. phi,
the design effect, divides the logarithm of the evidence for an advance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from gates.stats.block_dispersion import BlockDispersion
from gates.stats.halves_dispersion import MARGIN
from gates.stats.part_spread import Parts, PartSpread, pearson

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

BaselineParts = Mapping[str, Parts]
"""By kind of part (emitter, user): bad events and all events of each part of the baseline in one pane."""


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
        scales = [scale for scale in PART_SCALES if scale >= pane_s] or [pane_s]
        self._between = {kind: {scale: PartSpread() for scale in scales} for kind in kinds}

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
        for kind, spreads in self._between.items():
            self._add_parts(spreads, (parts or {}).get(kind, {}))
        if self._ends(RENEWED_S):
            self.rho = max([1.0, *self._rho_by_time(), *self._rho_between_parts()])

    def _ends(self, scale: float) -> bool:
        """Whether a block of this many seconds ends with the pane."""
        return round(self._tick * self._pane_s, 6) % scale == 0

    def _add_parts(self, spreads: Mapping[float, PartSpread], known: Parts) -> None:
        statistic = pearson(known)
        for scale, spread in spreads.items():
            if known:
                spread.add_pane(known, statistic)
            if self._ends(scale):
                spread.close_block(round(self._tick * self._pane_s / scale))

    def _rho_by_time(self) -> Iterator[float]:
        one = self._panes.get()
        for scale, least in TIME_SCALES.items():
            dispersion = self._by_time.get(scale)
            found = None if dispersion is None or dispersion.blocks < least else dispersion.get()
            if found is not None and one is not None:
                yield MARGIN * found / one

    def _rho_between_parts(self) -> Iterator[float]:
        for spreads in self._between.values():
            for scale, spread in spreads.items():
                if spread.blocks >= PART_SCALES.get(scale, inf):
                    yield MARGIN * spread.ratio / max(1.0, spread.pane_ratio)

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
            for spread in spreads.values():
                if spread.blocks >= _PHI_BLOCKS:
                    yield MARGIN * spread.ratio

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [
            self._tick,
            self.rho,
            self._panes.dump(),
            [[scale, list(self._open[scale]), known.dump()] for scale, known in self._by_time.items()],
            [
                [kind, scale, spread.dump()]
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
        for kind, scale, known in between:
            self._between[kind][scale].load(known)
