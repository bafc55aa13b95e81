"""Completeness: missing events of a cohort and incomplete panes count against a stage, each in its own way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.evidence.completeness import Completeness
from tests.gates.pane_builders import BASELINE, CANDIDATE, T0, cell, pane

BOTH = (CANDIDATE, BASELINE)


def stage(needed: tuple[str, ...] = BOTH) -> Completeness:
    """Return the completeness of a new stage."""
    return Completeness.begin(T0, BOTH, needed)


def test_nothing_is_missing_before_the_first_pane() -> None:
    """A stage without panes is complete."""
    assert (stage().on_time, stage().share) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("late", "complete", "trusted"),
    [(0, True, True), (1, True, True), (2, True, False), (0, False, False)],
)
def test_what_is_trusted(late: int, complete: bool, trusted: bool) -> None:
    """At least 99 % in time, on a pane for which every source reported."""
    known = stage()
    assert known.observe(pane(0, cell(99), cell(99), late={CANDIDATE: late}, complete=complete), 0.99) is trusted
    assert known.trusted_at == (T0 + 1_000 if trusted else T0)


def test_the_share_counts_events_and_panes() -> None:
    """One pane of two incomplete, and one event of ten late."""
    known = stage()
    known.observe(pane(0, cell(4), cell(9), complete=False), 0.5)
    known.observe(pane(1, cell(5), cell(9), late={CANDIDATE: 1}), 0.5)
    assert known.on_time == pytest.approx(0.9)
    assert known.share == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("needed", "on_time"),
    [(BOTH, 0.25), ((BASELINE,), 1.0), ((), 1_001 / 1_004)],
)
def test_the_least_complete_cohort_decides(needed: tuple[str, ...], on_time: float) -> None:
    """Of those that the stage needs; without any, as in older epochs, all events count together."""
    known = stage(needed)
    known.observe(pane(0, cell(1), cell(1_000), late={CANDIDATE: 3}), 0.5)
    assert known.on_time == pytest.approx(on_time)


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 4), min_size=1, max_size=6), st.sampled_from(BOTH))
def test_a_late_event_never_makes_a_stage_more_complete(drawn: list[tuple[int, int, int, int]], cohort: str) -> None:
    """Whatever was counted and was late before it."""
    fewer, more = stage(), stage()
    for second, (mine, theirs, late_mine, late_theirs) in enumerate(drawn):
        late = {CANDIDATE: late_mine, BASELINE: late_theirs}
        fewer.observe(pane(second, cell(mine), cell(theirs), late=late), 0.99)
        more.observe(pane(second, cell(mine), cell(theirs), late=late | {cohort: late[cohort] + 1}), 0.99)
    assert more.on_time <= fewer.on_time
    assert more.trusted_at <= fewer.trusted_at
