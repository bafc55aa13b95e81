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


def test_a_last_minute_of_missing_events_counts_whatever_came_before() -> None:
    """After an hour of complete telemetry the share of the stage hardly moves, and a candidate may fail unread."""
    known = stage()
    for second in range(3_600):
        assert known.observe(pane(second, cell(20), cell(20)), 0.99)
    found = [known.observe(pane(3_600 + second, cell(10), cell(20), late={CANDIDATE: 10}), 0.99) for second in range(5)]
    assert known.on_time > 0.99
    assert found[2:] == [False] * 3
    assert known.lately is not None
    assert known.lately[0] == CANDIDATE
    assert [known.observe(pane(3_605 + second, cell(20), cell(20)), 0.99) for second in range(120)][-1]
    assert known.lately is None


def test_a_few_odd_events_of_the_last_minute_decide_nothing() -> None:
    """Two of 100 are more than 1%, and within chance."""
    known = stage()
    known.observe(pane(0, cell(20_000), cell(20_000)), 0.99)
    assert known.observe(pane(100, cell(1), cell(1)), 0.99)
    assert known.observe(pane(200, cell(98), cell(100), late={CANDIDATE: 2}), 0.99)
    assert not known.observe(pane(201, cell(0), cell(100), late={CANDIDATE: 20}), 0.99)


def test_the_last_minute_is_held_against_no_older_epoch() -> None:
    """Their rules count all events together, over the stage."""
    known = stage(())
    known.observe(pane(0, cell(20_000), cell(20_000)), 0.99)
    assert known.observe(pane(60, cell(0), cell(100), late={CANDIDATE: 50}), 0.99)


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
