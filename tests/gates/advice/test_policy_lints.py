"""Lints of a policy as a whole: what each one catches, and what it leaves in peace."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.advice.policy_lints import POLICY_LINTS
from tests.gates.good_policy import Document, changed

HOLDING = {"sli": "error_rate", "limit": "5%", "on_fail": "hold"}
ALONE = {"name": "all", "weight": "100%", "bake": "10m"}
COVERAGE = {"sli": "coverage", "expected": 10, "limit": "90%"}


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
        ({"not_errors": None}, "not_errors", "no check counts 3xx or 4xx as errors"),
        ({"not_errors": ["4xx"]}, "not_errors", "or write `not_errors: [4xx, 3xx]`"),
        ({"not_errors": None, "checks.errors.errors": ["5xx", 429]}, "not_errors", "no check counts 3xx as errors"),
        ({"checks.errors.errors": ["5xx"]}, "checks", "no check counts error, which has requests without an answer,"),
        (
            {"checks.errors.errors": [503]},
            "checks",
            "no check counts 5xx other than 503 or error, which has requests without an answer, as errors",
        ),
        (
            {"checks.errors.errors": ["5xx", "grpc:13", "grpc:14"]},
            "checks",
            "no check counts error other than grpc:13 and grpc:14,",
        ),
        ({"checks.errors.errors": ["error", 503]}, "checks", "no check counts 5xx other than 503 as errors"),
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
        (
            {"pause": {"remind_after": "4h", "deadline": "1h", "then": "rollback"}},
            "pause.remind_after",
            "4h is not shorter than the deadline (1h), so no reminder is ever sent",
        ),
        ({"checks": {"errors": HOLDING}, "on_shared_cause": "rollback"}, "on_shared_cause", "has no effect"),
        ({"stages.1.approval": True, "owner": None}, "stages[1].approval", "add `owner`"),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """Each lint points at the key and gives the reason."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]


@pytest.mark.parametrize(
    "changes",
    [
        {"checks.p50": {"sli": "latency", "quantile": 0.5, "limit": "300ms"}},
        {"checks.p50": {"sli": "latency", "quantile": 0.5, "limit": "900ms", "window": "5m"}},
        {"checks.p95.on_fail": "notify", "checks.p50": {"sli": "latency", "quantile": 0.5, "limit": "900ms"}},
        {"rollback_on.failing": 2, "checks.paid": {"sli": "success_rate", "limit": "97%", "ratio": 1.2}},
        {"checks.errors.on_fail": "hold"},
        {"not_errors": ["3xx"], "checks.errors.errors": ["5xx", "error", 429]},
        {"not_errors": ["3xx", "4xx", "error"], "checks.errors.errors": ["5xx"]},
        {"not_errors": ["3xx", "4xx", 501], "checks.errors.errors": [503, "error"]},
        {"not_errors": None, "checks.errors.errors": ["error"]},
        {"checks.p95.ratio": 1.1, "checks.errors.ratio": 1.1},
        {"budget": {"slo": "99.9%", "spend": "5%"}, "checks.errors": None},
        {"pause": {"remind_after": "4h", "deadline": "24h", "then": "rollback"}, "on_shared_cause": "rollback"},
        {"pause": {"remind_after": "4h"}},
        {"pause": {"deadline": "1h", "then": "resume"}, "on_shared_cause": "pause"},
    ],
)
def test_what_may_well_be_meant_is_not_remarked(changes: Document) -> None:
    """Stricter limits on lower quantiles, families to spare, or one check that only holds are nothing odd."""
    assert lint(changed(changes)) == ()


def test_every_lint_has_its_reason() -> None:
    """In its docstring, because the message has only what to do; none finds anything in a good policy."""
    assert len({look.__name__ for look in POLICY_LINTS}) == len(POLICY_LINTS)
    assert all(look.__doc__ for look in POLICY_LINTS)
    assert not any(list(look(changed({}))) for look in POLICY_LINTS)
