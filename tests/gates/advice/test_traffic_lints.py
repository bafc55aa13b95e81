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
        ({}, 0.05, "stages[0].bake", "10m is too short: at 0.05 requests/s, errors and p95 would miss even 10 times"),
        (
            {"stages.0.timeout": None},
            0.2,
            "stages[0].weight",
            "at 0.2 requests/s, stage tenth is never passed: a healthy candidate does not pass p95; it needs more "
            "traffic: write `proof: false` in the stage",
        ),
        (
            {"checks.p95.ratio": None},
            0.2,
            "stages[0].weight",
            "at 0.2 requests/s, stage tenth is never passed: it is held for silence without end; raise `weight`",
        ),
        (
            {"min_requests": 10000},
            100.0,
            "stages[0].bake",
            "at 100 requests/s canary needs 16m40s to reach min_requests (10,000)",
        ),
        ({"min_requests": 90000}, 100.0, "stages[0].timeout", "1h is too short: at 100 requests/s canary needs 2h30m"),
        (
            {"stages.0.timeout": "11m", "checks.errors.margin": "2%", "checks.p95.ratio": None},
            1.0,
            "stages[0].timeout",
            "lengthen `timeout`, write `proof: false` in the stage",
        ),
    ],
)
def test_what_traffic_is_too_little_for_is_remarked(changes: Document, rps: float, path: str, words: str) -> None:
    """With requests a second, also what a stage cannot detect or reach."""
    policy = changed(changes)
    assert lint(policy) == ()
    assert words in " ".join(remark.message for remark in lint(policy, rps) if remark.path == path)


def test_traffic_too_thin_for_a_proof_has_its_choices() -> None:
    """A larger weight, a wider margin, or no proof."""
    thin: Document = {"stages.0.timeout": "11m", "stages.0.weight": "1%", "checks.p95.ratio": None}
    assert (
        "a healthy candidate takes longer to pass errors, so the stage probably pauses; lengthen `timeout`, raise "
        "`weight` to 10% or more, or write `margin: 2%` in errors, if that many errors more are acceptable, or write "
        "`proof: false` in the stage, which then passes without the candidate shown to be good"
    ) in remarks(thin, 20.0, 0.01, "stages[0].timeout")


def test_without_a_timeout_a_long_proof_is_remarked() -> None:
    """The stage would wait for hours after its bake, and nobody is paged."""
    thin: Document = {"stages.0.timeout": None, "stages.0.weight": "1%", "checks.p95.ratio": None}
    found = remarks(thin, 20.0, 0.01, "stages[0].bake")
    assert "10m is far too short for a proof: at 20 requests/s, errors will show only after about 4h" in found
    assert "raise `weight` to 10% or more, or write `margin: 2%` in errors, if that many" in found
    assert ", or write `proof: false`" in found
    assert "for a proof" not in remarks(thin, 1_000.0, 0.01, "stages[0].bake")
    assert "for a proof" not in remarks(thin | {"stages.0.proof": False}, 20.0, 0.01, "stages[0].bake")


def test_a_proof_that_is_in_time_is_not_given_up() -> None:
    """Where the traffic gives it within the bake, `proof: false` is remarked; where it takes longer, nothing is."""
    given_up: Document = {"stages.0.proof": False, "stages.0.bake": "30m"}
    assert "false is not needed: at 1000 requests/s, a healthy candidate is shown to be good in " in remarks(
        given_up, 1_000.0, 0.001, "stages[0].proof"
    )
    assert remarks(given_up, 5.0, 0.001, "stages[0].proof") == ""
    late = {**given_up, "stages.0.timeout": "35m", "checks.p95.ratio": None}
    assert remarks(late, 5.0, 0.001, "stages[0].timeout") == ""


def test_a_total_failure_that_a_comparison_catches_is_not_missed() -> None:
    """The stage is not blind then, whether its limit is the faster one or not."""
    assert remarks({}, 5.0, 0.001, "stages[0].bake") == remarks({}, 5.0, 0.001, "stages[0].weight") == ""


@pytest.mark.parametrize("changes", [{"checks.errors.severity": "advisory"}, {"checks.errors.traffic": "synthetic"}])
def test_what_cannot_be_planned_is_not_remarked(changes: Document) -> None:
    """Advisory checks do not stop a stage, and the traffic of probes is not known in advance."""
    policy = changed({"stages.0.timeout": "11m", "checks.p95.ratio": None, **changes})
    stages = plan(policy, 5.0, 0.001)
    assert list(blind_stage(policy, stages, 5.0)) == []
    assert list(times_out_when_well(policy, stages, 5.0)) == []


def remarks(changes: Document, rps: float, base: float, path: str) -> str:
    """What is remarked of a place, at this traffic and error rate."""
    return " ".join(remark.message for remark in lint(changed(changes), rps, base) if remark.path == path)


@pytest.mark.parametrize(
    ("changes", "rps", "base", "path", "words"),
    [
        (
            {"checks.errors.limit": "0.1%"},
            1_000.0,
            0.02,
            "checks.errors.limit",
            "accepts an error rate of 0.1%, less than the baseline's own 2%: every healthy candidate breaks it in "
            "stage tenth, after about 10s; correct `limit`, or give the true error rate by --base-error",
        ),
        (
            {"checks.errors.limit": "0.1%"},
            20.0,
            0.02,
            "checks.errors.limit",
            "less than the baseline's own 2%: every healthy candidate is beyond it in stage tenth and never passes",
        ),
        (
            {"checks.errors.limit": "2.2%"},
            1_000.0,
            0.02,
            "checks.errors.limit",
            "close to the baseline's own 2%: nearly all healthy candidates break it in stage tenth, so the",
        ),
        ({"checks.errors.limit": "2.8%"}, 1_000.0, 0.02, "checks.errors.limit", "% of healthy candidates break it"),
        (
            {"budget": {"slo": "99.9%", "spend": "0.01%"}},
            1_000.0,
            0.01,
            "budget.spend",
            "is spent by errors as frequent as the baseline's own (1%): nearly all healthy candidates break it in",
        ),
    ],
)
def test_bounds_that_stop_the_healthy_are_remarked(
    changes: Document, rps: float, base: float, path: str, words: str
) -> None:
    """A limit below the baseline's rate, or so close that chance breaks it; and a budget that is spent by the usual."""
    assert words in remarks(changes, rps, base, path)
    assert remarks(changes, rps, 0.0001, path) == ""


def test_a_timeout_that_the_bake_cannot_meet_is_remarked_once() -> None:
    """Not where a limit stops the stage anyway."""
    tight = {"stages.0.timeout": "11m", "checks.errors.ratio": None, "checks.p95.ratio": None}
    assert "the bake takes " in remarks(tight, 1.0, 0.001, "stages[0].timeout")
    assert "the bake never ends" in remarks(tight | {"min_requests": 1}, 1e-6, 0.001, "stages[0].timeout")
    assert remarks({"checks.errors.limit": "0.1%", "stages.0.timeout": "1h"}, 100.0, 0.02, "stages[0].timeout") == ""


def test_a_confirmation_may_take_longer_than_the_timeout_leaves() -> None:
    """Five tries of ten seconds are longer than the thirty seconds that are left."""
    assert remarks({"stages.0.timeout": "11m"}, 1_000.0, 0.001, "stages[0].timeout") == (
        "11m leaves 30s beside bake and warm-up, and an order may take 50s to be confirmed (5 tries of 10s); "
        "lengthen `timeout`"
    )


def test_gaps_that_pause_and_late_events_that_stop_are_remarked() -> None:
    """Both only where there is little traffic."""
    assert "will be paused as silent, and a person paged" in remarks({}, 0.05, 0.01, "no_data.pause_after")
    assert "one that is late stops it" in remarks({}, 0.5, 0.01, "min_completeness")
    assert "one that is late" not in remarks({"min_completeness": "100%"}, 0.5, 0.01, "min_completeness")
    assert remarks({}, 100.0, 0.01, "no_data.pause_after") == remarks({}, 100.0, 0.01, "min_completeness") == ""
