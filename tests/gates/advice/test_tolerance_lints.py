"""Lints of tolerances: what each one catches, and what it leaves in peace."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from tests.gates.good_policy import Document, changed

SMALL = [
    {"name": "one", "weight": "1%", "bake": "10m", "warmup": "30s"},
    {"name": "ten", "weight": "10%", "bake": "10m"},
    {"name": "all", "weight": "100%", "bake": "10m"},
]
ALL = [{"name": "all", "weight": "100%", "bake": "10m"}]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"no_data": {"hold_after": "2h", "pause_after": "3h"}},
            "no_data.hold_after",
            "2h lets a cohort be without any request for that long before the rollout holds; write 30s, or a few times",
        ),
        ({"no_data": {"pause_after": "1d"}}, "no_data.pause_after", "1d lets a cohort be without any request"),
        (
            {"min_completeness": "100%"},
            "min_completeness",
            "100% keeps a stage from passing after a single late event; write 99% or 99.9%",
        ),
        (
            {"checks.errors.ratio": 1},
            "checks.errors.ratio",
            "1 tolerates hardly any difference, and where errors come together for a minute, equal cohorts differ; "
            "write 1.25 or more and send `emitter` in the events, or state `confidence: {dispersion: ...}`",
        ),
        (
            {"confidence.dispersion": 1},
            "confidence.dispersion",
            "1 assumes that each error comes by itself: where sessions fail as a whole, or an instance pauses, 27% to "
            "100% of healthy rollouts were rolled back",
        ),
        ({"min_completeness": "99.999%"}, "min_completeness", "after more than 1 late event in 100,000"),
        (
            {"stages": SMALL, "data_quality.split": "5%"},
            "data_quality.split",
            "has no effect: 5% of the smaller cohort's weight is at most 0.5 percentage points, and 1 is always",
        ),
    ],
)
def test_what_is_odd_is_remarked_once(changes: Document, path: str, words: str) -> None:
    """At the key, with the figures."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert [*found] == [path]
    assert words in found[path]


@pytest.mark.parametrize(
    "changes",
    [
        {"no_data": {"hold_after": "1h", "pause_after": "23h"}},
        {"min_completeness": "99.99%"},
        {"checks.errors.ratio": 1.1},
        {"checks.errors.ratio": 1, "confidence.dispersion": 4},
        {"checks.errors.ratio": 1, "checks.errors.on_fail": "pause"},
        {"checks.errors.ratio": 1, "checks.all": {"sli": "coverage", "expected": "auto"}},
        {"stages": SMALL, "data_quality.split": "10%"},
        {"stages": ALL, "data_quality.split": "1%", "checks.errors.ratio": None, "checks.p95.ratio": None},
    ],
)
def test_what_may_well_be_meant_is_not_remarked(changes: Document) -> None:
    """A queue with long gaps, one late event in ten thousand, and a split that matters in one stage."""
    assert lint(changed(changes)) == ()
