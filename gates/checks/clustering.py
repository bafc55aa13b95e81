"""By how much the evidence of clustered errors is tempered: `phi`, at least 1, settled before the pane it applies to.

It is measured on the baseline, whose users are split at random into two halves, in blocks of 10 s (see
`gates.stats.dispersion`), and frozen while a stage lasts. In the first stage, until there are five minutes with errors
to measure it by, it is hardly known: it starts large and comes down to the estimate as blocks are seen, a doubt that
costs time and no healthy rollout. Where events carry no user it is what the policy says.

Most false rollbacks of clustered errors fall into the first minutes: then a single cluster is all the evidence there
is, and whether clusters are usual has not been seen. So the doubt is largest there, from the first pane on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gates.panes import CLASSES, NO_DETAIL, NO_HALVES, Cell, Pane
from gates.stats.dispersion import BLOCK_MS, MIN_BLOCKS, BlockCounts, Dispersion

UNMEASURED = 8.0
"""What it is taken for where it can be measured and is not yet."""

DOUBT_BLOCKS = 6
"""UNMEASURED weighs as much as so many blocks with errors, until the estimate stands alone."""

LARGE_BETS = 1.0 / 3.0
"""By so much of what it is above 1 the estimate is raised: to divide by it is enough for small effects only.

A bet on a large effect gains more from one large cluster than it loses by the others, more than a variance can say.
"""


class Clustering:
    """What to divide by for one kind of error; `classes` empty measures nothing and keeps to `assumed`."""

    def __init__(self, classes: Sequence[str], assumed: float) -> None:
        self._indices = [CLASSES.index(word) for word in classes]
        self._assumed = assumed
        self._dispersion = Dispersion(min_blocks=1)
        self._block = 0
        self._halves = list(NO_HALVES)
        self.phi = assumed
        self.measured = False

    def observe(self, pane: Pane, baseline: Cell) -> None:
        """Take in one pane of the baseline; early estimates hold at once, later ones from the next stage on.

        Nothing that is counted in this pane changes the `phi` that it leaves behind, so that may temper the same pane.
        """
        if baseline.detail is NO_DETAIL or not self._indices or not any(baseline.detail.halves):
            return
        if not self._dispersion.blocks:
            self.phi = max(self._assumed, UNMEASURED)
        block = pane.start // BLOCK_MS
        if block != self._block:
            self._close()
            self._block = block
        self._halves = [known + number for known, number in zip(self._halves, baseline.detail.halves, strict=True)]

    def _close(self) -> None:
        first, second = self._halves[: len(CLASSES)], self._halves[len(CLASSES) :]
        errors_1, errors_2 = (sum(half[index] for index in self._indices) for half in (first, second))
        self._dispersion.update(BlockCounts(errors_1, errors_2, sum(first), sum(second)))
        self._halves = list(NO_HALVES)
        if not self.measured:
            self.freeze()

    def freeze(self) -> None:
        """A stage begins, or too little was measured so far: take what is known by now, early estimates with doubt."""
        found, blocks = self._dispersion.get(), self._dispersion.blocks
        if found is None:
            return
        self.measured = blocks >= MIN_BLOCKS
        found += LARGE_BETS * (found - 1.0)
        if not self.measured:
            found = max(found, (blocks * found + DOUBT_BLOCKS * UNMEASURED) / (blocks + DOUBT_BLOCKS))
        self.phi = max(self._assumed, found)

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return [self._dispersion.dump(), self._block, list(self._halves), self.phi, self.measured]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        dispersion, self._block, halves, self.phi, self.measured = state
        self._dispersion.load(dispersion)
        self._halves = list(halves)
