"""Findings, and what rules and lints use from the rest of a policy."""

from __future__ import annotations

import doctest

import pytest

from gates.slis import findings
from gates.slis.findings import Finding, LintContext, traffic_text
from tests.gates.pane_builders import policy


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(findings).failed == 0


@pytest.mark.parametrize(("rps", "text"), [(0.5, "0.5 requests/s"), (1_000.0, "1000 requests/s")])
def test_traffic_as_lints_print_it(rps: float, text: str) -> None:
    """Without trailing zeros."""
    assert traffic_text(rps) == text


def test_a_finding_is_a_key_and_a_message() -> None:
    """An empty key stands for the whole definition."""
    key, message = Finding("", "can never fail")
    assert (key, message) == ("", "can never fail")


def test_the_stages_of_a_policy_are_what_lints_use() -> None:
    """Name, weight, bake and warm-up."""
    known = policy()
    context = LintContext(known.stages, known.min_requests)
    assert [(stage.name, stage.weight, stage.bake_ms, stage.warmup_ms) for stage in context.stages] == [
        ("tenth", 0.1, 10_000, 2_000),
        ("all", 1.0, 10_000, None),
    ]
