"""The lint: what each one catches, and that good policies are left in peace."""

import pytest

from gates.advice.lint import lint
from tests.gates.good_policy import Document, changed

HOLDING = {"sli": "error_rate", "limit": "5%", "on_fail": "hold"}
ALONE = {"name": "all", "weight": "100%", "bake": "10m"}
COVERAGE = {"sli": "coverage", "expected": 10, "limit": "90%"}


def test_a_good_policy_is_left_in_peace() -> None:
    """No remark on a policy without mistakes, at the traffic that it is made for."""
    assert lint(changed({})) == ()
    assert lint(changed({}), 1000.0, 0.01) == ()


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"checks.errors.window": "20m"}, "checks.errors.window", "longer than the bake of stage tenth (10m)"),
        ({"stages.0.warmup": "20m"}, "stages[0].warmup", "more of the stage is ignored than compared"),
        (
            {"checks.p50": {"sli": "latency", "quantile": 0.5, "limit": "900ms"}},
            "checks.p50.limit",
            "never decides: wherever it is broken, the limit of p95 is broken",
        ),
        (
            {
                "checks.low": {"sli": "metric", "metric": "m", "quantile": 0.05, "limit": 9, "better": "higher"},
                "checks.mid": {"sli": "metric", "metric": "m", "quantile": 0.5, "limit": 5, "better": "higher"},
            },
            "checks.mid.limit",
            "the limit of low is broken",
        ),
        ({"stages": [ALONE], "checks.p95.ratio": None}, "checks.errors.ratio", "every stage is at 100%"),
        ({"checks.t": {"sli": "throughput_share", "weight": 2}}, "checks.t.weight", "only comparisons that roll back"),
        ({"checks": {"errors": HOLDING}}, "checks", "no check ever rolls back"),
        (
            {"checks": {"errors": {"sli": "error_rate", "ratio": 1.2}}, "stages.1.weight": "50%"},
            "checks",
            "every check only compares: if both cohorts fail equally",
        ),
        ({"checks.errors": None}, "checks", "no check counts errors"),
        (
            {"checks": {"e": {"sli": "error_rate", "limit": "5%", "traffic": "synthetic"}, "c": COVERAGE}},
            "checks",
            "measures synthetic traffic only",
        ),
        ({"rollback_on.failing": 2}, "rollback_on.failing", "2 is the number of all families (errors, latency)"),
        ({"stages.1.weight": "50%"}, "stages[1].weight", "the step to 100% (the promotion) is not judged"),
        ({"data_quality.sample_ratio": False}, "data_quality.sample_ratio", "biased split"),
        ({"data_quality.contamination": "100%"}, "data_quality.contamination", "in both cohorts"),
        ({"data_quality.unknown_cohorts": "100%"}, "data_quality.unknown_cohorts", "name neither cohort"),
        ({"confidence.rollback": "20%"}, "confidence.rollback", "healthy candidates are rolled back"),
        ({"confidence.advance": "20%"}, "confidence.advance", "not good enough"),
        ({"min_completeness": "50%"}, "min_completeness", "much of the telemetry missing"),
        ({"stages.1.approval": True, "owner": None}, "stages[1].approval", "add `owner`"),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """Each lint points at the key and gives the reason."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]


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


@pytest.mark.parametrize(
    "changes",
    [
        {"checks.p50": {"sli": "latency", "quantile": 0.5, "limit": "300ms"}},
        {"checks.p50": {"sli": "latency", "quantile": 0.5, "limit": "900ms", "window": "5m"}},
        {"checks.p95.on_fail": "notify", "checks.p50": {"sli": "latency", "quantile": 0.5, "limit": "900ms"}},
        {"rollback_on.failing": 2, "checks.paid": {"sli": "success_rate", "limit": "97%", "ratio": 1.2}},
        {"checks.errors.on_fail": "hold"},
        {"checks.p95.ratio": 1.1, "checks.errors.ratio": 1},
        {"budget": {"slo": "99.9%", "spend": "5%"}, "checks.errors": None},
    ],
)
def test_what_may_well_be_meant_is_not_remarked(changes: Document) -> None:
    """Stricter limits on lower quantiles, families to spare, or one check that only holds are nothing odd."""
    assert lint(changed(changes)) == ()


def test_traffic_must_be_some() -> None:
    """No traffic can be planned for."""
    with pytest.raises(ValueError, match="above 0"):
        lint(changed({}), 0.0)


def test_gaps_of_thin_traffic_beyond_hold_after_are_remarked() -> None:
    """Only where they are likely within a bake."""
    policy = changed({"stages": [{"name": "tenth", "weight": "10%", "bake": "1h"}]})
    found = {rps: [each.message for each in lint(policy, rps) if each.path == "no_data.hold_after"] for rps in (1, 50)}
    assert not found[50]
    assert "canary in stage tenth (a request each 10s on average)" in found[1][0]
