"""What checks on a quantile have in common."""

from __future__ import annotations

from typing import Any

import pytest

from gates.comparison.distributions import Latencies
from gates.comparison.quantiles import TRAILING_MS
from gates.policy.checks import joint_test_of
from gates.rules import CURRENT, RULES
from gates.slis.check_context import CheckContext, Starts
from gates.slis.compared_definition import ComparedCheck
from gates.slis.findings import LintContext
from gates.slis.quantile import comparable_rule, quantile_evidence, without_tail
from gates.windows import CohortWindow
from tests.gates.pane_builders import policy

SLOW: dict[str, Any] = {"sli": "latency", "quantile": 0.99, "limit": "1s"}


def definition(**fields: Any) -> tuple[ComparedCheck, LintContext, CheckContext]:
    """A latency check, and what its lints and its evidence use."""
    checks = {"it": SLOW | fields, "other": {"sli": "error_rate", "limit": "5%"}}
    known = policy(checks, stages=[{"name": "tenth", "weight": "10%", "bake": "1m"}])
    found = known.checks["it"]
    assert isinstance(found, ComparedCheck)
    thresholds = {"it": joint_test_of(known).thresholds("it", 0.05)}
    starts, trailing = Starts(120, 1.0, 0.1), {"real": CohortWindow(TRAILING_MS)}
    context = CheckContext(known.cohorts, thresholds, None, starts, trailing, RULES[CURRENT])
    return found, LintContext(known.stages, known.min_requests), context


def test_only_a_ratio_has_evidence() -> None:
    """A limit alone compares nothing."""
    limited, _, context = definition()
    comparing, _, _ = definition(ratio=1.2)
    assert quantile_evidence("it", limited, context, Latencies(0.99, 1_000)) is None
    evidence = quantile_evidence("it", comparing, context, Latencies(0.99, 1_000))
    assert evidence is not None
    assert evidence.worse == 1.0


@pytest.mark.parametrize(
    ("quantile", "higher_is_better", "words"),
    [
        (0.25, False, None),
        (0.24, False, "write at least 0.25"),
        (0.75, True, None),
        (0.76, True, "write at most 0.75"),
        ("high", False, None),
    ],
)
def test_a_quantile_must_have_room_to_get_worse(quantile: object, higher_is_better: bool, words: str | None) -> None:
    """Towards the bad side; without a ratio any quantile will do."""
    fields = {"quantile": quantile, "ratio": 1.2}
    found = [finding.message for finding in comparable_rule(fields, higher_is_better=higher_is_better)]
    assert len(found) == (words is not None)
    assert words is None or words in found[0]
    assert list(comparable_rule({"quantile": quantile}, higher_is_better=higher_is_better)) == []


@pytest.mark.parametrize(
    ("fields", "rps", "found"),
    [
        ({"ratio": 1.2}, 1.0, True),
        ({"ratio": 1.2}, 10_000.0, False),
        ({}, 1.0, False),
        ({"ratio": 1.2, "severity": "advisory"}, 1.0, False),
        ({"ratio": 1.2, "traffic": "synthetic"}, 1.0, False),
    ],
)
def test_a_comparison_needs_values_beyond_the_quantile(fields: dict[str, Any], rps: float, found: bool) -> None:
    """Otherwise it has no threshold, gathers no evidence, and the stage never passes."""
    known, context, _ = definition(**fields)
    messages = [finding.message for finding in without_tail(known, context, rps)]
    assert len(messages) == found
    assert all(message.startswith("the check cannot pass in stage tenth: at 1 request/s") for message in messages)
