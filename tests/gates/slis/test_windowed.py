"""Checks on windows alone: no evidence, and verdicts that carry the check's name and severity."""

from __future__ import annotations

import pytest

from gates.evidence_view import PaneUse
from gates.slis.windowed import Windowed
from gates.verdicts import NO_INTERVALS, Measurement, VerdictKind
from tests.gates.pane_builders import cell, pane

FIGURES = Measurement(20, 0.5), Measurement(180, 0.1)


def test_it_has_no_state() -> None:
    """Panes, stages and snapshots leave nothing behind."""
    check = Windowed("pods")
    check.observe(pane(0, cell(5), cell(5)), PaneUse())
    check.enter_stage()
    check.evidence = {"anything": 1}
    assert (check.evidence, check.worse, check.blocks, check.intervals({})) == ({}, None, None, NO_INTERVALS)


@pytest.mark.parametrize("kind", list(VerdictKind))
def test_its_fail_is_a_broken_limit(kind: VerdictKind) -> None:
    """There is no comparison that could have rejected anything."""
    found = Windowed("pods", "critical", "pause").made((kind, "3 of 4"), (0, 5_000), *FIGURES, baseline_beyond=True)
    assert (found.name, found.reason, found.severity, found.on_fail) == ("pods", "pods: 3 of 4", "critical", "pause")
    assert (found.absolute, found.rejected, found.baseline_beyond) == (kind is VerdictKind.FAIL, False, True)
    assert (found.candidate, found.baseline) == FIGURES
