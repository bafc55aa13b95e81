"""What every comparison has: evidence in both directions, and bets of the candidate alone."""

from __future__ import annotations

import json
from functools import partial

import pytest

from gates.comparison.count_evidence import AloneCounts, BaselineCounts, CountedPane
from gates.comparison.evidence import ComparisonEvidence
from gates.comparison.single_events import SingleEvents
from gates.evidence_view import EvidenceView, PaneUse
from gates.panes import NOTHING, Pane
from gates.stats.error_share import ErrorShare
from tests.gates.pane_builders import CANDIDATE, cell, pane


class AgainstObjective(ComparisonEvidence):
    """A comparison with an objective alone."""

    def __init__(self, objective: float | None) -> None:
        super().__init__(SingleEvents(ErrorShare.regression(1.25), partial(ErrorShare.advance, 1.25)))
        self._objective = objective

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Bet on the candidate's errors."""
        known = pane.cell(CANDIDATE)
        alone = AloneCounts(known.errors(("5xx",)), known.requests, self._objective)
        self._evidence.update(CountedPane(pane, seen, BaselineCounts(0, 0, NOTHING), known, alone=alone))

    def describe(self, view: EvidenceView) -> str:
        """Nothing to describe."""
        return ""


def fed(requests: int, errors: int, *, objective: float | None = 0.05, eligible: bool = True) -> AgainstObjective:
    """The evidence after twenty equal panes."""
    known = AgainstObjective(objective)
    for second in range(20):
        known.observe(pane(second, cell(requests, errors), None), PaneUse(eligible=eligible))
    return known


def test_it_bets_in_both_directions() -> None:
    """Many errors are evidence for a worse candidate, few for a good one, and never for both."""
    worse, good = fed(100, 20), fed(100, 0)
    assert worse.worse > 100.0 > 1.0 > worse.found().good
    assert good.found().good > 100.0 > 1.0 > good.worse
    assert worse.interval() is None


@pytest.mark.parametrize(("requests", "objective"), [(100, None), (0, 0.05)])
def test_without_an_objective_or_events_there_is_no_evidence(requests: int, objective: float | None) -> None:
    """Silence is neither good nor bad."""
    known = fed(requests, 0, objective=objective)
    assert (known.worse, known.found().good) == (1.0, 1.0)


def test_an_ineligible_pane_may_only_roll_back() -> None:
    """Incomplete telemetry may have lost the failures, so it supports no advance."""
    assert fed(100, 0, eligible=False).found().good == 1.0
    assert fed(100, 20, eligible=False).worse == fed(100, 20).worse


def test_a_snapshot_continues_bit_for_bit() -> None:
    """In both directions."""
    known, restored = fed(100, 6), AgainstObjective(0.05)
    restored.load(json.loads(json.dumps(known.dump())))
    for evidence in (known, restored):
        evidence.observe(pane(20, cell(100, 7), None), PaneUse())
    assert (restored.worse, restored.found().good) == (known.worse, known.found().good)
