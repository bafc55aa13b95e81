"""The lint: what each one catches, and that good policies are left in peace."""

import copy
from typing import Any

import pytest

from gates.advice.lint import lint
from gates.policy import Policy

Document = dict[str, Any]

GOOD: Document = {
    "schema": "sluicegate.policy/v1",
    "rollout": "r",
    "owner": "us",
    "cohorts": {"baseline": "stable", "candidate": "canary"},
    "stages": [
        {"name": "tenth", "weight": "10%", "bake": "10m", "timeout": "1h"},
        {"name": "full", "weight": "100%", "bake": "10m"},
    ],
    "checks": {
        "errors": {"sli": "error_rate", "ratio": 1.25, "limit": "5%"},
        "p95": {"sli": "latency", "quantile": 0.95, "ratio": 1.2, "limit": "800ms"},
    },
}
HOLDING = {"sli": "error_rate", "limit": "5%", "on_fail": "hold"}
ALONE = {"name": "all", "weight": "100%", "bake": "10m"}
COVERAGE = {"sli": "coverage", "expected": 10, "limit": "90%"}
MEAN = {"sli": "metric", "metric": "cpu", "limit": 5, "ratio": 1.2, "ceiling": 10}


def changed(changes: Document) -> Policy:
    """The good policy with other values at these places, such as `checks.errors.limit`; None takes a key out."""
    document = copy.deepcopy(GOOD)
    for way, value in changes.items():
        *parts, last = way.split(".")
        at: Any = document
        for part in parts:
            at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
        if value is None:
            del at[last]
        else:
            at[int(last) if isinstance(at, list) else last] = copy.deepcopy(value)
    return Policy.parse(document)


def test_a_good_policy_is_left_in_peace() -> None:
    """Nothing is said of a policy that means what it says, at a traffic that it is made for."""
    assert lint(changed({})) == ()
    assert lint(changed({}), 1000.0, 0.01) == ()


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"checks.errors.window": "20m"}, "checks.errors.window", "longer than the bake of stage tenth, 10m"),
        ({"stages.0.warmup": "20m"}, "stages[0].warmup", "more of the stage is ignored than is compared"),
        (
            {"checks.p50": {"sli": "latency", "quantile": 0.5, "limit": "900ms"}},
            "checks.p50.limit",
            "never decides: wherever it is broken, that of p95 is, too",
        ),
        (
            {
                "checks.low": {"sli": "metric", "metric": "m", "quantile": 0.05, "limit": 9, "better": "higher"},
                "checks.mid": {"sli": "metric", "metric": "m", "quantile": 0.5, "limit": 5, "better": "higher"},
            },
            "checks.mid.limit",
            "that of low is, too",
        ),
        ({"checks.errors.limit": "90%"}, "checks.errors.limit", "lets more than half of the requests fail"),
        ({"checks.paid": {"sli": "success_rate", "limit": "3%"}}, "checks.paid.limit", "lowest success rate"),
        ({"checks.p95.ratio": 120}, "checks.p95.ratio", "120 times the baseline's figure"),
        ({"checks.p95.ratio": 1}, "checks.p95.ratio", "the noise of one host"),
        ({"checks.p95.quantile": 0.4}, "checks.p95.quantile", "watches the fastest requests"),
        (
            {"checks.m": {"sli": "metric", "metric": "m", "quantile": 0.95, "limit": 5, "better": "higher"}},
            "checks.m.quantile",
            "the smallest values are at 0.05 or so",
        ),
        (
            {"checks.m": {"sli": "metric", "metric": "m", "quantile": 0.05, "limit": 5}},
            "checks.m.quantile",
            "the largest values are at 0.95 or so",
        ),
        ({"checks.errors.errors": ["5xx", "2xx"]}, "checks.errors.errors", "counts 2xx as errors"),
        ({"budget": {"slo": "99.9%", "spend": "5%", "errors": ["4xx"]}}, "budget.errors", "leaves out 5xx and error"),
        ({"checks.c": {**COVERAGE, "expected": 1}}, "checks.c.limit", "cannot fail: one emitter is enough"),
        ({"checks.t": {"sli": "throughput_share", "tolerance": "100%"}}, "checks.t.tolerance", "get nothing at all"),
        ({"budget": {"slo": "99%", "spend": "50%"}}, "budget.spend", "cannot be spent within the bakes"),
        ({"stages": [ALONE], "checks.p95.ratio": None}, "checks.errors.ratio", "no stage is below 100 %"),
        ({"checks.t": {"sli": "throughput_share", "weight": 2}}, "checks.t.weight", "only comparisons that roll back"),
        (
            {"checks.m": {"sli": "latency", "quantile": 0.5, "ratio": 1.2, "min_events": 5}, "stages.1.weight": "50%"},
            "checks.m.min_events",
            "belongs to `limit`",
        ),
        ({"checks.m": {**MEAN, "quantile": 0.9}}, "checks.m.ceiling", "belongs to the comparison of a mean"),
        ({"checks": {"errors": HOLDING}}, "checks", "never roll back, whatever they find"),
        (
            {"checks": {"errors": {"sli": "error_rate", "ratio": 1.2}}, "stages.1.weight": "50%"},
            "checks",
            "only compare: where both cohorts fail alike",
        ),
        ({"checks.errors": None}, "checks", "count no errors"),
        (
            {"checks": {"e": {"sli": "error_rate", "limit": "5%", "traffic": "synthetic"}, "c": COVERAGE}},
            "checks",
            "look at synthetic traffic alone",
        ),
        ({"rollback_on.failing": 2}, "rollback_on.failing", "2 is all there are (errors, latency)"),
        ({"stages.1.weight": "50%"}, "stages[1].weight", "nobody watches that step"),
        ({"data_quality.sample_ratio": False}, "data_quality.sample_ratio", "biased split"),
        ({"data_quality.contamination": "100%"}, "data_quality.contamination", "in both cohorts"),
        ({"data_quality.unknown_cohorts": "100%"}, "data_quality.unknown_cohorts", "carry neither cohort"),
        ({"confidence.rollback": "20%"}, "confidence.rollback", "healthy candidates may be rolled back"),
        ({"confidence.advance": "20%"}, "confidence.advance", "not good enough"),
        ({"min_completeness": "50%"}, "min_completeness", "much of the telemetry missing"),
        ({"stages.1.approval": True, "owner": None}, "stages[1].approval", "write an `owner`"),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """Each lint points at the key and says why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]


@pytest.mark.parametrize(
    ("changes", "rps", "path", "words"),
    [
        ({}, 5.0, "stages[0].bake", "too short to see even ten times the baseline's figure by errors"),
        ({"min_requests": 10000}, 100.0, "stages[0].bake", "16m40s until each cohort has 10,000 requests"),
        ({"min_requests": 90000}, 100.0, "stages[0].timeout", "comes first: it takes 2h30m until"),
        ({"stages.0.timeout": "11m"}, 5.0, "stages[0].timeout", "longer to pass errors"),
        ({}, 5.0, "checks.errors.min_events", "fewer than 20 bad events (if half of all are) in stage tenth"),
        ({"checks.m": MEAN}, 2.0, "checks.m.min_events", "fewer than 20 values in stage tenth"),
        ({"checks.p95.quantile": 0.999}, 50.0, "checks.p95.quantile", "fewer than 10 values a minute beyond it"),
        ({"checks.t": {"sli": "throughput_share"}}, 2.0, "checks.t.window", "holds 120 requests at 2 requests"),
    ],
)
def test_what_traffic_is_too_little_for_is_remarked(changes: Document, rps: float, path: str, words: str) -> None:
    """With requests a second, what a stage cannot see or reach is said, too; without them nothing is."""
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
