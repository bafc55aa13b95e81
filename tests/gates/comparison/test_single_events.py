"""The rule of single events: two e-processes, divided by phi, and the candidate alone."""

from __future__ import annotations

import json
from functools import partial

import pytest

from gates.comparison.count_evidence import AloneCounts, BaselineCounts, CountedPane
from gates.comparison.dispersion import Dispersion
from gates.comparison.single_events import SingleEvents
from gates.evidence_view import PaneUse
from gates.panes import NOTHING
from gates.stats.advance_sums import AdvanceMargin, MarginRange
from gates.stats.error_share import ErrorShare
from gates.stats.pane_counts import PaneCounts
from tests.gates.pane_builders import pane

COUNTS = PaneCounts(9, 9, 100, 900)


def evidence(stated: float | None = None) -> SingleEvents:
    """Evidence on error shares."""
    dispersion = None if stated is None else Dispersion((), stated)
    return SingleEvents(ErrorShare.regression(1.25), partial(ErrorShare.advance, 1.25), dispersion)


def counted(counts: PaneCounts | None, good: PaneCounts | None = None, alone: AloneCounts | None = None) -> CountedPane:
    """A pane with these counts."""
    return CountedPane(pane(0, None, None), PaneUse(), BaselineCounts(9, 900, NOTHING), NOTHING, counts, good, alone)


def test_each_direction_bets_on_its_own_counts() -> None:
    """What supports no advance may still roll back."""
    known = evidence()
    known.update(counted(COUNTS))
    assert known.get().worse > 100.0
    assert known.get().good == 1.0
    known.update(counted(None, PaneCounts(0, 9, 1_000, 900)))
    assert known.get().good > 1.0
    assert known.get().lately_good


def test_a_stated_phi_divides_and_is_shown() -> None:
    """One without any is 1."""
    plain, divided = evidence(), evidence(4.0)
    for each in (plain, divided):
        each.update(counted(COUNTS))
    assert plain.get().worse > divided.get().worse > 1.0
    assert (plain.get().phi, divided.get().phi) == (1.0, 4.0)


def test_a_margin_is_that_of_the_baseline() -> None:
    """Of the panes before, and its mean over the stage is shown; alone there is nothing to add it to."""

    def new() -> SingleEvents:
        good = partial(ErrorShare.advance, 1.25)
        return SingleEvents(ErrorShare.regression(1.25), good, margin=AdvanceMargin(MarginRange.of(None, None)))

    known, fixed = new(), evidence()
    few = PaneCounts(0, 1, 100, 10_000)
    for each in (known, fixed):
        for _ in range(20):
            each.update(counted(few, few))
    assert known.get().margin == pytest.approx((0.005 + 0.002 * 19) / 20)
    assert known.get().good < fixed.get().good
    again = new()
    again.load(json.loads(json.dumps(known.dump())))
    assert again.get() == known.get()
    known.enter_stage()
    assert known.get().margin == 0.002
    known.update(counted(None, alone=AloneCounts(0, 100, 0.05)))
    assert known.get().margin is None


def test_a_baseline_of_zero_asks_the_candidate_alone() -> None:
    """For an advance only."""
    known = evidence()
    for _ in range(60):
        known.update(counted(None)._replace(good_alone=AloneCounts(0, 100, 0.05)))
    assert known.get().good > 20.0
    assert known.get().worse == pytest.approx(1.0)


def test_a_stage_resets_the_evidence_for_an_advance() -> None:
    """That for a rollback continues, with phi or without."""
    for known in (evidence(), evidence(2.0)):
        known.update(counted(PaneCounts(0, 9, 1_000, 900), PaneCounts(0, 9, 1_000, 900)))
        before = known.get()
        known.enter_stage()
        assert known.get().worse == before.worse
        assert known.get().good == 1.0 != before.good


def test_there_are_no_blocks() -> None:
    """Each bad event is a witness of its own, on its own pane."""
    assert evidence().blocks() is None
