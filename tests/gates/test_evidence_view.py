"""What a check may look at: what holds unless something else is given."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from gates.evidence_view import CohortNames, CohortView, EvidenceView, PaneUse
from gates.panes import NOTHING
from gates.windows import CohortWindow
from tests.gates.pane_builders import BASELINE, CANDIDATE, T0, policy


def view_of(name: str) -> CohortView:
    """A cohort without any request."""
    window = CohortWindow(5_000)
    return CohortView(name, window, window, window, NOTHING, 0)


def test_a_pane_counts_fully_unless_it_is_marked() -> None:
    """It supports an advance, is compared, and no cache is cold."""
    assert PaneUse() == PaneUse(eligible=True, compared=True, warming=False)


def test_nothing_is_rejected_unless_the_joint_test_rejects_it() -> None:
    """A view without the result of the joint test cannot roll back by comparison, and a check cannot change it."""
    known = EvidenceView(
        view_of(CANDIDATE), view_of(BASELINE), 0.1, compared=True, broken=False, min_requests=20, stage_start=T0
    )
    assert known.rejected == frozenset()
    with pytest.raises(FrozenInstanceError):
        known.rejected = frozenset({"errors"})  # type: ignore[misc]


def test_a_policy_has_the_names_of_the_cohorts() -> None:
    """What checks use of it is the interface alone."""
    names: CohortNames = policy().cohorts
    assert (names.baseline, names.candidate) == (BASELINE, CANDIDATE)
