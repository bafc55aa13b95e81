"""Success rate: which transactions count, and its lints."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.panes import CLASSES, Cell, Detail
from gates.slis.success_rate import SuccessRateCheck, SuccessRateFigure
from gates.verdicts import VerdictKind
from tests.gates.good_policy import Document, changed
from tests.gates.pane_builders import cell, policy
from tests.gates.slis.watched import Watched

MIXED = Cell(tuple(range(1, len(CLASSES) + 1)), detail=Detail(succeeded=3, failed=2))
"""Five transactions among some requests."""


def test_a_transaction_is_counted_where_its_success_is_known() -> None:
    """Requests without `success` are not counted at all."""
    check = policy({"s": {"sli": "success_rate", "limit": "97%"}}).checks["s"]
    assert isinstance(check, SuccessRateCheck)
    assert SuccessRateFigure(check).tally(MIXED) == (2, 5)


def test_a_limit_is_the_lowest_success_rate() -> None:
    """Failures beyond it, of at least `min_events`, FAIL; requests without `success` alone are NO_DATA."""
    hand = Watched(sli="success_rate", limit="90%", window="5s")
    assert hand.second(cell(50), cell(50)).kind is VerdictKind.NO_DATA
    verdict = hand.second(cell(50, successes=(70, 30)), cell(50, successes=(100, 0)))
    assert verdict.kind is VerdictKind.FAIL
    assert (verdict.candidate.value, verdict.candidate.errors) == (0.3, 30)


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"checks.paid": {"sli": "success_rate", "limit": "3%"}},
            "checks.paid.limit",
            "write the lowest acceptable success",
        ),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """At the key, with why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]
