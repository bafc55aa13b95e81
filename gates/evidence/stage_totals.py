"""What one cohort did since its stage was ordered."""

from __future__ import annotations

from dataclasses import dataclass

from gates.panes import NOTHING, Cell
from gates.slis.check import PaneUse


@dataclass(slots=True)
class StageTotals:
    """`counted` leaves out the warm-up and all latencies; `eligible` is how many requests may support an advance."""

    counted: Cell = NOTHING
    eligible: int = 0

    def add(self, cell: Cell, seen: PaneUse) -> None:
        """Add the cohort's requests in one pane."""
        if not seen.warming:
            # Without the histogram: no check reads latencies of a whole stage, and merging one each pane is slow.
            self.counted = self.counted.merge(Cell(cell.counts, detail=cell.detail))
        if seen.eligible:
            self.eligible += cell.requests
