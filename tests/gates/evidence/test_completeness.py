"""Completeness: late events and incomplete panes count against a stage, each in its own way."""

from __future__ import annotations

import pytest

from gates.evidence.completeness import Completeness
from tests.gates.pane_builders import T0, pane


def test_nothing_is_missing_before_the_first_pane() -> None:
    """A stage without panes is complete."""
    known = Completeness(T0)
    assert (known.on_time, known.share) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("late", "complete", "trusted"),
    [(0, True, True), (1, True, True), (2, True, False), (0, False, False)],
)
def test_what_is_trusted(late: int, complete: bool, trusted: bool) -> None:
    """At least 99 % in time, on a pane for which every source reported."""
    known = Completeness(T0)
    assert known.observe(pane(0, None, None, late=late, complete=complete), 99, 0.99) is trusted
    assert known.trusted_at == (T0 + 1_000 if trusted else T0)


def test_the_share_counts_events_and_panes() -> None:
    """One pane of two incomplete, and one event of ten late."""
    known = Completeness(T0)
    known.observe(pane(0, None, None, complete=False), 4, 0.5)
    known.observe(pane(1, None, None, late=1), 5, 0.5)
    assert known.on_time == pytest.approx(0.9)
    assert known.share == pytest.approx(0.45)
