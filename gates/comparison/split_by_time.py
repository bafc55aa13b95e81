"""phi from the baseline's errors in consecutive stretches of time, where no users are known.

Twice (see `gates.stats.block_dispersion`), and the larger one holds: by panes, which are soon many, with doubt as long
as they are few; and by blocks of 10 s, which catch clusters that are spread over some seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gates.panes import Pane
from gates.stats.block_dispersion import WINDOW, BlockDispersion
from gates.stats.dispersion import BLOCK_MS, MIN_BLOCKS, OF_USERS, UNMEASURED, Doubt

OF_PANES = Doubt(weight=12, until=WINDOW)
"""For panes shorter than a block: with panes of a second and an error in each the doubt lasts for a minute."""

UNDOUBTED = Doubt(weight=0, until=0)
"""For blocks beside panes, which carry the doubt; and for both, once there is enough to measure by."""


def doubt_of(pane_ms: int) -> Doubt:
    """How much the estimate by panes of this length is doubted; panes of a block's length are as good as blocks."""
    return OF_PANES if pane_ms < BLOCK_MS else OF_USERS


class SplitByTime:
    """phi of a figure's bad events; `seen` once the baseline had any events, `measured` once it is settled.

    `estimate` is phi without the doubt.
    """

    def __init__(self) -> None:
        self._panes = BlockDispersion()
        self._blocks = BlockDispersion()
        self._pane = [0, 0]  # bad events and all of the last pane, which counts with the next
        self._block = [0, 0, 0]  # which it is, bad events and all
        self._by_blocks = 1.0
        self.phi = 1.0
        self.estimate = 1.0
        self.seen = False
        self.measured = False

    def observe(self, pane: Pane, bad: int, events: int) -> None:
        """Take in one pane of the baseline; nothing that is counted in it changes the `phi` that it leaves behind."""
        block = pane.start // BLOCK_MS
        if self.seen:
            self._panes.update(*self._pane)
            if block != self._block[0]:
                self._blocks.update(*self._block[1:])
                self._block, self._by_blocks = [block, 0, 0], self._estimate_by_blocks()
            if not self.measured:
                self._settle(doubt_of(pane.end - pane.start))
        elif events:
            self.seen, self.phi, self._block = True, UNMEASURED, [block, 0, 0]
        self._pane = [bad, events]
        self._block = [self._block[0], self._block[1] + bad, self._block[2] + events]

    def _estimate_by_blocks(self) -> float:
        return UNDOUBTED.phi(self._blocks.get(), self._blocks.seen) if self._blocks.seen else 1.0

    def _settle(self, doubt: Doubt) -> None:
        found, panes = self._panes.get(), self._panes.seen
        self.phi = max(doubt.phi(found, panes), self._by_blocks)
        self.estimate = max(1.0 if found is None else UNDOUBTED.phi(found, panes), self._by_blocks)
        self.measured = self._blocks.seen >= MIN_BLOCKS

    def freeze(self) -> None:
        """A stage begins: take what is known by now, if that is enough."""
        if self.measured:
            self._settle(UNDOUBTED)

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` takes it back bit for bit."""
        counts = [list(self._pane), list(self._block)]
        return [self._panes.dump(), self._blocks.dump(), *counts, self.phi, self.estimate, self.seen, self.measured]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        panes, blocks, pane, block, self.phi, self.estimate, self.seen, self.measured = state
        self._panes.load(panes)
        self._blocks.load(blocks)
        self._pane, self._block, self._by_blocks = list(pane), list(block), self._estimate_by_blocks()
