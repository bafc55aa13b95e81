"""Limits that never decide: found where another is always broken as well, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from gates.advice.useless_limits import useless_limit
from tests.gates.good_policy import Document, changed

ERRORS: Document = {"sli": "error_rate", "limit": "2%", "window": "30s"}
P95: Document = {"sli": "latency", "quantile": 0.95, "limit": "500ms"}
PAID: Document = {"sli": "success_rate", "limit": "97%"}
LAG: Document = {"sli": "metric", "metric": "lag_ms", "limit": 100}
SCORE: Document = {"sli": "metric", "metric": "score", "quantile": 0.5, "limit": 0.8, "better": "higher"}


@pytest.mark.parametrize(
    ("tight", "loose"),
    [
        (ERRORS, {"limit": "5%"}),
        (ERRORS, {"limit": "5%", "on_fail": "hold"}),
        (ERRORS, {"min_events": 50}),
        (ERRORS | {"errors": ["4xx", "5xx"]}, {"errors": ["5xx"], "limit": "5%"}),
        (ERRORS | {"errors": ["4xx", "5xx"]}, {"errors": [429, "5xx"], "limit": "5%"}),
        (P95, {"limit": "800ms"}),
        (P95 | {"ratio": 1.2}, {"ratio": None, "limit": "800ms"}),
        (PAID, {"limit": "90%"}),
        (LAG, {"limit": 200}),
        (SCORE, {"limit": 0.5}),
    ],
)
def test_the_looser_limit_is_useless(tight: Document, loose: Document) -> None:
    """On the same figure over the same window, with the same consequence or a lighter one."""
    (found,) = found_in(tight, loose)
    assert found == (
        "checks.b.limit",
        "never decides: wherever it is broken, the limit of a over the same window is broken as well; remove the "
        "check, or make its limit the stricter one",
    )


@pytest.mark.parametrize(
    ("tight", "loose"),
    [
        (ERRORS, {"limit": "5%", "window": "5m"}),
        (ERRORS, {"limit": "5%", "min_events": 5}),
        (ERRORS, {"limit": "5%", "traffic": "all"}),
        (ERRORS, {"limit": "5%", "errors": ["4xx"]}),
        (ERRORS, {"limit": "5%", "ratio": 1.25}),
        (ERRORS, {"limit": "5%", "severity": "advisory"}),
        (ERRORS | {"severity": "advisory"}, {"severity": "standard", "limit": "5%"}),
        (ERRORS | {"on_fail": "hold"}, {"limit": "5%", "on_fail": "rollback"}),
        (P95, {"quantile": 0.99, "limit": "800ms"}),
        (LAG, {"limit": 200, "metric": "other_ms"}),
        (LAG, {"limit": 200, "ceiling": 500}),
        (LAG | {"limit": None, "ratio": 1.2, "ceiling": 500}, {"limit": 200, "ratio": None}),
        (ERRORS | {"limit": None, "ratio": 1.2}, {"limit": "5%", "ratio": None}),
        (P95 | {"limit": None, "ratio": 1.2}, {"limit": "800ms", "ratio": None}),
        (PAID | {"limit": None, "ratio": 1.2}, {"limit": "90%", "ratio": None}),
        ({"sli": "throughput_share"}, {"tolerance": "80%"}),
    ],
)
def test_a_limit_that_may_decide_is_not_remarked(tight: Document, loose: Document) -> None:
    """Another window, other requests, a graver consequence, or a comparison that needs it."""
    assert found_in(tight, loose) == []


def test_of_two_equal_limits_one_is_remarked() -> None:
    """Either may go."""
    assert [path for path, _ in found_in(P95, {})] == ["checks.b.limit"]


def found_in(tight: Document, loose: Document) -> list[tuple[str, str]]:
    """The remarks on a policy with the check a, and with b, which is a with these changes."""
    both: dict[str, Any] = {"a": tight, "b": tight | loose}
    checks = {name: {key: each for key, each in check.items() if each is not None} for name, check in both.items()}
    stages = [{"name": "tenth", "weight": "10%", "bake": "10m", "warmup": "30s"}]
    policy = changed({"checks": checks, "stages": stages, "not_errors": None})
    return [(remark.path, remark.message) for remark in useless_limit(policy)]
