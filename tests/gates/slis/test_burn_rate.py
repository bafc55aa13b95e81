"""Burn rate: both windows, its rules and lints."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.verdicts import VerdictKind
from tests.gates.good_policy import Document, changed
from tests.gates.pane_builders import cell
from tests.gates.policy_documents import checkout, faults_of
from tests.gates.slis.watched import Watched


def test_a_burn_rate_needs_both_windows() -> None:
    """An hour's worth of budget in a second burns; once the short window is clean it no longer does."""
    hand = Watched(sli="burn_rate", slo="99%", window="12s", spend="0.01%", min_events=5)
    for _ in range(12):
        hand.second(cell(50), cell(50))
    assert hand.second(cell(400, 390), cell(50)).kind is VerdictKind.FAIL
    assert hand.second(cell(50), cell(50)).kind is not VerdictKind.FAIL


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        (
            {"sli": "burn_rate", "slo": "99%"},
            "checks.x",
            "it would need an error rate of 173% (2% of a 30-day budget in 5m at",
        ),
        ({"sli": "burn_rate", "slo": "nearly all"}, "checks.x.slo", "nearly all"),
        (
            {"sli": "burn_rate", "slo": "99.9%", "window": "90s"},
            "checks.x.window",
            "1m30s must be 12 times a whole number of panes of 1s; write for example 1m24s",
        ),
    ],
)
def test_its_rules(check: Document, path: str, message: str) -> None:
    """One fault, at its path, with what to write."""
    document = checkout()
    document["checks"]["x"] = check
    faults = faults_of(document)
    assert list(faults) == [path]
    assert message in faults[path]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"checks.b": {"sli": "burn_rate", "slo": "99.9%", "errors": [404]}, "not_errors": None},
            "checks.b.errors",
            "has neither 5xx nor error",
        ),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """At the key, with why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]
