"""Lints of the cohorts' names: swapped ones, and names that mean nothing."""

from __future__ import annotations

import pytest

from gates.advice.cohort_lints import swapped_cohorts
from tests.gates.good_policy import changed


@pytest.mark.parametrize(
    ("baseline", "candidate", "found"),
    [
        ("canary", "stable", True),
        ("new", "old", True),
        ("treatment", "control", True),
        ("Checkout-Canary", "v1", True),
        ("main", "stable-2", True),
        ("stable", "canary", False),
        ("canary-1", "canary-2", False),
        ("stable-1", "stable-2", False),
        ("stable", "stable-next", False),
        ("new-stable", "newer", False),
        ("v2", "v1", False),
        ("blue", "green", False),
        ("renewed", "bold", False),
    ],
)
def test_names_that_look_swapped(baseline: str, candidate: str, found: bool) -> None:
    """Only where a whole word of one name is the other's role."""
    policy = changed({"cohorts.baseline": baseline, "cohorts.candidate": candidate})
    messages = [(remark.path, remark.message) for remark in swapped_cohorts(policy)]
    assert len(messages) == found
    for path, message in messages:
        assert path == "cohorts"
        assert f"the baseline {baseline} and the candidate {candidate} look swapped" in message
