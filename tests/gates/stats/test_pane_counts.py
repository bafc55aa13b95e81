"""Counts of a pane: added, and asked whether both cohorts have events."""

from __future__ import annotations

from gates.stats.pane_counts import PaneCounts


def test_counts_add_up() -> None:
    """Each count with its own."""
    assert PaneCounts(1, 2, 3, 4).plus(PaneCounts(0.5, 20, 30, 40)) == (1.5, 22, 33, 44)


def test_a_pane_compares_where_both_cohorts_have_events() -> None:
    """Whatever their outcome."""
    assert PaneCounts(0, 0, 1, 1).compared
    assert not PaneCounts(0, 5, 0, 5).compared
    assert not PaneCounts(5, 0, 5, 0).compared
