"""The totals of a stage: what is counted, and what may support an advance."""

from __future__ import annotations

import pytest

from gates.evidence.stage_totals import StageTotals
from gates.slis.check import PaneUse
from tests.gates.pane_builders import cell


@pytest.mark.parametrize(
    ("seen", "counted", "eligible"),
    [(PaneUse(), 8, 8), (PaneUse(eligible=False), 8, 0), (PaneUse(eligible=False, warming=True), 0, 0)],
)
def test_what_a_pane_adds(seen: PaneUse, counted: int, eligible: int) -> None:
    """The warm-up is not counted; only eligible panes support an advance; latencies are left out."""
    totals = StageTotals()
    totals.add(cell(8, 1), seen)
    assert (totals.counted.requests, totals.eligible) == (counted, eligible)
    assert totals.counted.latency.total == 0
