"""Budget: what is spent stays spent, and its lints."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.verdicts import VerdictKind
from tests.gates.good_policy import Document, changed
from tests.gates.pane_builders import T0, cell
from tests.gates.slis.watched import Watched


def test_a_budget_once_spent_stays_spent() -> None:
    """What the rollout used up is gone, in every later stage too; under `min_events` errors nothing is."""
    hand = Watched(sli="error_rate", limit="95%", budget={"slo": "99.9%", "spend": "0.01%", "min_events": 30})
    assert hand.second(cell(50, 29), cell(50)).kind is VerdictKind.PASS
    assert hand.second(cell(50, 1), cell(50)).kind is VerdictKind.FAIL
    hand.evidence.enter_stage(0, T0 + 2_000)
    assert hand.second(cell(50), cell(50)).kind is VerdictKind.FAIL


def test_a_shared_outage_does_not_spend_the_budget() -> None:
    """Both cohorts fail alike: the candidate keeps its budget; where it alone fails, it is spent."""
    for errors_of_baseline, kind in ((3, VerdictKind.PASS), (0, VerdictKind.FAIL)):
        hand = Watched(sli="error_rate", limit="95%", budget={"slo": "99.9%", "spend": "0.5%"})
        for _ in range(300):
            found = hand.second(cell(10, 3), cell(10, errors_of_baseline))
        assert found.kind is kind, found.reason


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"budget": {"slo": "99.9%", "spend": "5%", "errors": [404]}, "not_errors": None},
            "budget.errors",
            "has neither 5xx nor error",
        ),
        ({"budget": {"slo": "99%", "spend": "50%"}}, "budget.spend", "cannot be spent within the bakes"),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """At the key, with why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]
