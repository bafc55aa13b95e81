"""What all definitions share: severity and its consequences, samples of the traffic, and rules about windows."""

from __future__ import annotations

from typing import Any

import pytest

from gates.panes import NOTHING, Pane
from gates.slis.definition import CheckDefinition, Definition, default_of, sample_of
from gates.slis.error_rate import ErrorRateCheck
from gates.slis.findings import LintContext, RuleContext
from tests.gates.pane_builders import CANDIDATE, T0, cell, policy

CONTEXT = RuleContext(pane_ms=2_000, reaches_all=False)


@pytest.mark.parametrize(
    ("fields", "required", "rolls_back", "on_fail"),
    [
        ({}, True, True, "rollback"),
        ({"severity": "critical", "on_fail": "pause"}, True, False, "pause"),
        ({"severity": "advisory"}, False, False, "notify"),
        ({"severity": "dry_run"}, False, False, "notify"),
    ],
)
def test_severity_has_consequences(fields: dict[str, Any], required: bool, rolls_back: bool, on_fail: str) -> None:
    """A check that only observes notifies by default, and is never required."""
    check = policy({"e": {"sli": "error_rate", "limit": "5%", **fields}, "l": {"sli": "error_rate", "limit": "9%"}})
    known = check.checks["e"]
    assert (known.required, known.rolls_back, known.on_fail) == (required, rolls_back, on_fail)


def test_what_is_no_check_has_the_strictest_answers() -> None:
    """Required, about users' requests, a reason to roll back; it must build its own check."""
    plain = Definition()
    assert (plain.required, plain.rolls_back, plain.absolute, plain.sample, plain.windows()) == (
        True,
        True,
        False,
        "real",
        (),
    )
    context: Any = None
    with pytest.raises(NotImplementedError):
        plain.build("x", context)
    assert list(plain.lints(LintContext((), 1))) == list(plain.traffic_lints(LintContext((), 1), 1.0)) == []


def test_a_check_compares_only_where_its_class_does() -> None:
    """The base has neither a comparison nor a quantile, and only its own window."""
    plain = CheckDefinition()
    assert (plain.compared, plain.comparing, plain.quantile_limit, plain.windows()) == (None, False, None, (60_000,))


@pytest.mark.parametrize(("word", "requests"), [("real", 3), ("synthetic", 2), ("all", 5)])
def test_samples(word: str, requests: int) -> None:
    """Users' requests, those of probes, or both; a cohort that is absent has none of either."""
    pane = Pane(T0, T0 + 1_000, {CANDIDATE: cell(3)}, synthetic={CANDIDATE: cell(2)})
    assert sample_of(word)(pane, CANDIDATE).requests == requests
    assert sample_of(word)(pane, "other") == NOTHING


def test_a_default_is_that_of_the_model() -> None:
    """Of the subclass where it has its own."""
    assert default_of(CheckDefinition, "window_ms") == 60_000
    assert default_of(ErrorRateCheck, "window_ms") == 30_000


@pytest.mark.parametrize(
    ("fields", "pane_ms", "expected"),
    [
        ({"window": "4s"}, 2_000, None),
        ({"window": "5s"}, 2_000, "5s must be a whole number of panes of 2s; write for example 4s"),
        ({"window": "1s"}, 2_000, "1s must be a whole number of panes of 2s; write for example 2s"),
        ({}, 7_000, "1m (the default) must be a whole number of panes of 7s; write for example 56s"),
        ({"window": "soon"}, 2_000, None),
        ({"window": "5s"}, None, None),
    ],
)
def test_a_window_is_whole_panes(fields: dict[str, Any], pane_ms: int | None, expected: str | None) -> None:
    """The nearest one is offered; what cannot be read is a fault of its own."""
    found = list(CheckDefinition.rules(fields, RuleContext(pane_ms, reaches_all=False)))
    assert [finding.message for finding in found] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("severity", "on_fail", "faulty"),
    [
        ("advisory", "rollback", True),
        ("dry_run", "notify", False),
        ("critical", "notify", True),
        ("standard", "notify", False),
    ],
)
def test_severity_and_on_fail_agree(severity: str, on_fail: str, faulty: bool) -> None:
    """An observer cannot act, and a critical check cannot only notify."""
    found = list(CheckDefinition.rules({"severity": severity, "on_fail": on_fail}, CONTEXT))
    assert [finding.key for finding in found] == (["on_fail"] if faulty else [])


def test_only_a_limit_on_a_quantile_is_one() -> None:
    """A latency that only compares has none, and the budget is always absolute."""
    known = policy(
        {"slow": {"sli": "latency", "quantile": 0.9, "ratio": 1.2}},
        stages=[{"name": "half", "weight": "50%", "bake": "10s"}],
        budget={"slo": "99%", "spend": "5%"},
    )
    assert known.checks["slow"].quantile_limit is None
    assert known.judged["budget"].absolute
