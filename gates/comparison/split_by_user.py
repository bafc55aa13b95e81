"""phi from the baseline's users, split at random into two halves, in blocks of 10 s: see `gates.stats.dispersion`.

Most false rollbacks of clustered errors fall into the first minutes: then a single cluster is all the evidence there
is, and whether clusters are usual has not been seen. So the doubt is largest there, from the first pane on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gates.panes import CLASSES, NO_DETAIL, NO_HALVES, Cell, Pane
from gates.stats.dispersion import BLOCK_MS, MIN_BLOCKS, OF_USERS, UNMEASURED, BlockCounts, Dispersion


class SplitByUser:
    """phi of the errors of some `classes`; `seen` once an event carried a user, `measured` once it is settled."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._indices = [CLASSES.index(word) for word in classes]
        self._dispersion = Dispersion(min_blocks=1)
        self._block = 0
        self._halves = list(NO_HALVES)
        self.phi = 1.0
        self.seen = False
        self.measured = False

    def observe(self, pane: Pane, baseline: Cell) -> None:
        """Take in one pane of the baseline; nothing that is counted in it changes the `phi` that it leaves behind."""
        if baseline.detail is NO_DETAIL or not self._indices or not any(baseline.detail.halves):
            return
        if not self.seen:
            self.seen, self.phi = True, UNMEASURED
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
        """A stage begins, or too little was measured so far: take what is known by now."""
        if self.seen:
            blocks = self._dispersion.blocks
            self.phi = OF_USERS.phi(self._dispersion.get(), blocks)
            self.measured = blocks >= MIN_BLOCKS

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return [self._dispersion.dump(), self._block, list(self._halves), self.phi, self.seen, self.measured]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        dispersion, self._block, halves, self.phi, self.seen, self.measured = state
        self._dispersion.load(dispersion)
        self._halves = list(halves)
