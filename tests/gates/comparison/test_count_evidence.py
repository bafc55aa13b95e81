"""Counts of the candidate alone: a likelihood ratio for each effect, or nothing."""

from __future__ import annotations

import pytest

from gates.comparison.count_evidence import AloneCounts
from gates.stats.single_arm import log_factor


def test_alone_counts_are_held_against_the_objective() -> None:
    """One factor for each effect."""
    assert AloneCounts(3, 100, 0.01).log_factors((4.0, 0.5)) == (
        log_factor(3, 100, 4.0, 0.01),
        log_factor(3, 100, 0.5, 0.01),
    )


@pytest.mark.parametrize("counts", [AloneCounts(3, 100, None), AloneCounts(0, 0, 0.01)])
def test_without_an_objective_or_events_there_are_no_factors(counts: AloneCounts) -> None:
    """Silence is neither good nor bad."""
    assert counts.log_factors((4.0,)) is None
