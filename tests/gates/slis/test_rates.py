"""Shares of bad requests: what is counted as one is the policy's to say."""

from __future__ import annotations

import pytest

from gates.evidence.evaluation import RolloutEvidence
from gates.panes import CLASSES, Cell, Detail
from gates.policy import ErrorRateCheck, SuccessRateCheck
from gates.slis.rates import ErrorRate, SuccessRate
from gates.verdicts import VerdictKind
from tests.gates.pane_builders import T0, pane, policy

MIXED = Cell(tuple(range(1, len(CLASSES) + 1)), detail=Detail(succeeded=3, failed=2))
"""One request of the first class, two of the second, and so on; five transactions."""


@pytest.mark.parametrize("errors", [["5xx", "error"], ["4xx"], ["4xx", "5xx"], ["error"], ["3xx", "ok"]])
def test_errors_are_what_the_policy_says(errors: list[str]) -> None:
    """Status classes and outcomes, any of them, among all requests."""
    check = policy({"e": {"sli": "error_rate", "limit": "5%", "errors": errors}}).checks["e"]
    assert isinstance(check, ErrorRateCheck)
    expected = sum(CLASSES.index(word) + 1 for word in errors)
    assert ErrorRate(check).tally(MIXED) == (expected, sum(MIXED.counts))


def test_a_transaction_is_counted_where_its_success_is_known() -> None:
    """Requests without `success` are not counted at all."""
    check = policy({"s": {"sli": "success_rate", "limit": "97%"}}).checks["s"]
    assert isinstance(check, SuccessRateCheck)
    assert SuccessRate(check).tally(MIXED) == (2, 5)


@pytest.mark.parametrize(("errors", "outcome"), [(["4xx"], VerdictKind.FAIL), (["5xx"], VerdictKind.PASS)])
def test_a_limit_looks_at_those_errors_alone(errors: list[str], outcome: VerdictKind) -> None:
    """A candidate with four hundred answers of 4xx breaks the limit on these, and no other."""
    check = {"sli": "error_rate", "limit": "10%", "errors": errors}
    evidence = RolloutEvidence(policy({"e": check}, stages=[{"name": "tenth", "weight": "10%", "bake": "10s"}]), T0)
    evidence.confirm_stage(T0)
    refused = Cell(tuple(400 if word in ("2xx", "4xx") else 0 for word in CLASSES))
    (verdict,) = evidence.observe(pane(0, refused, refused)).verdicts
    assert verdict.kind is outcome
