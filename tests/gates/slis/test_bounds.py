"""The bounds that plans foresee, by SLI."""

from __future__ import annotations

from typing import Any

import pytest

from gates.policy import Policy
from gates.slis.bounds import SpendBound, WindowBound
from gates.stats.burn_rate import BurnRule
from tests.gates.pane_builders import policy

STAGE = [{"name": "half", "weight": "50%", "bake": "1h"}]


def check(**fields: Any) -> Policy:
    """A policy with this check, and a budget."""
    return policy({"c": fields}, stages=STAGE, budget={"slo": "99%", "spend": "5%"})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"sli": "error_rate", "limit": "5%"}, WindowBound("limit", 0.05, 30_000, 20, of_errors=True)),
        ({"sli": "success_rate", "limit": "75%"}, WindowBound("limit", 0.25, 60_000, 20, of_errors=True)),
        ({"sli": "latency", "quantile": 0.75, "limit": "1s"}, WindowBound("limit", 0.25, 60_000, 20, of_errors=False)),
        ({"sli": "metric", "metric": "m", "limit": 5}, WindowBound("limit", 0.0, 60_000, 20, of_errors=False)),
        (
            {"sli": "metric", "metric": "m", "limit": 5, "quantile": 0.75, "window": "2m", "min_events": 7},
            WindowBound("limit", 0.25, 120_000, 7, of_errors=False),
        ),
        (
            {"sli": "burn_rate", "slo": "99.9%", "window": "1h", "spend": "2%"},
            WindowBound("spend", BurnRule(0.02, 3_600_000).error_rate(0.999), 3_600_000, 20, of_errors=True),
        ),
        ({"sli": "error_rate", "ratio": 1.5}, None),
        ({"sli": "success_rate", "ratio": 1.5}, None),
        ({"sli": "latency", "quantile": 0.75, "ratio": 1.5}, None),
        ({"sli": "metric", "metric": "m", "quantile": 0.75, "ratio": 1.5}, None),
        ({"sli": "coverage", "expected": 12}, None),
    ],
)
def test_each_sli_has_its_bound(fields: dict[str, Any], expected: WindowBound | None) -> None:
    """A largest share of bad events in a window; none for a comparison alone, and for the telemetry's own checks."""
    assert check(**fields).checks["c"].bound == expected


def test_the_budget_has_one_too() -> None:
    """What may be spent."""
    assert check(sli="coverage", expected=1).judged["budget"].bound == SpendBound("spend", 0.99, 0.05, 20)
