"""Lints of the stages at a given traffic."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.advice.plan import plan
from gates.advice.traffic_lints import blind_stage, times_out_when_well
from tests.gates.good_policy import Document, changed


@pytest.mark.parametrize(
    ("changes", "rps", "path", "words"),
    [
        ({}, 5.0, "stages[0].bake", "10m is too short: at 5 requests/s, errors would miss even 10 times"),
        (
            {"min_requests": 10000},
            100.0,
            "stages[0].bake",
            "at 100 requests/s canary needs 16m40s to reach min_requests (10,000)",
        ),
        ({"min_requests": 90000}, 100.0, "stages[0].timeout", "1h is too short: at 100 requests/s canary needs 2h30m"),
        ({"stages.0.timeout": "11m"}, 5.0, "stages[0].timeout", "takes longer to pass errors"),
    ],
)
def test_what_traffic_is_too_little_for_is_remarked(changes: Document, rps: float, path: str, words: str) -> None:
    """With requests a second, also what a stage cannot detect or reach."""
    policy = changed(changes)
    assert lint(policy) == ()
    assert words in " ".join(remark.message for remark in lint(policy, rps) if remark.path == path)


@pytest.mark.parametrize("changes", [{"checks.errors.severity": "advisory"}, {"checks.errors.traffic": "synthetic"}])
def test_what_cannot_be_planned_is_not_remarked(changes: Document) -> None:
    """Advisory checks do not stop a stage, and the traffic of probes is not known in advance."""
    policy = changed({"stages.0.timeout": "11m", "checks.p95.ratio": None, **changes})
    stages = plan(policy, 5.0, 0.001)
    assert list(blind_stage(policy, stages, 5.0)) == []
    assert list(times_out_when_well(policy, stages, 5.0)) == []
