"""`margin` of the comparing checks on errors: its range, its faults and its lints."""

from __future__ import annotations

from typing import Any

import pytest

from gates.documents.faults import PolicyError
from gates.slis.findings import LintContext
from gates.slis.margin import ErrorShareCheck
from gates.stats.advance_sums import HIGHEST_MARGIN, LOWEST_MARGIN, MarginRange
from tests.gates.pane_builders import policy

RATE: dict[str, Any] = {"sli": "error_rate", "ratio": 1.25, "limit": "5%"}
SUCCESS: dict[str, Any] = {"sli": "success_rate", "ratio": 1.25, "limit": "99%"}


def definition(fields: dict[str, Any]) -> ErrorShareCheck:
    """The check with these fields."""
    check = policy({"it": fields}).checks["it"]
    assert isinstance(check, ErrorShareCheck)
    return check


@pytest.mark.parametrize("fields", [RATE, SUCCESS])
def test_a_margin_is_a_share_and_may_be_missing(fields: dict[str, Any]) -> None:
    """Then it follows the baseline; written, it is as it is."""
    assert definition(fields).margin_range(None) == MarginRange(LOWEST_MARGIN, HIGHEST_MARGIN)
    stated = definition(fields | {"margin": "2%"})
    assert stated.margin_range(0.01) == MarginRange(0.02, 0.02)
    assert stated.bound_text("stable", 0.02) == "1.25 x stable's rate + 2 points"
    written = policy({"it": fields | {"margin": "2%"}}).written["checks"]
    assert isinstance(written, dict)
    assert written["it"]["margin"] == "2%"


def test_without_a_ratio_there_is_no_bound_to_show() -> None:
    """Then a limit is all there is."""
    assert definition({"sli": "error_rate", "limit": "5%"}).bound_text("stable", 0.0) == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sli": "error_rate", "limit": "5%", "margin": "1%"}, "has no effect without `ratio`"),
        (RATE | {"ratio": 1, "margin": "0%"}, "must be above 0% with `ratio: 1`"),
        (RATE | {"margin": "60%"}, "accepts almost any rate"),
        ({"sli": "latency", "quantile": 0.95, "ratio": 1.25, "margin": "1%"}, "margin"),
    ],
)
def test_a_margin_that_cannot_be_is_a_fault(fields: dict[str, Any], words: str) -> None:
    """With what to write instead."""
    with pytest.raises(PolicyError, match=words):
        policy({"it": fields})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (RATE, ""),
        (RATE | {"margin": "2%"}, ""),
        (RATE | {"margin": "5%"}, "is not below the error rate that the limit accepts (5%)"),
        (SUCCESS | {"margin": "1%"}, "is not below the error rate that the limit accepts (1%)"),
        (RATE | {"margin": 0.4, "limit": "50%"}, "40% of all requests may then fail beside"),
        (RATE | {"margin": "0%"}, "0% leaves only errors of both cohorts to compare"),
    ],
)
def test_a_margin_that_shows_nothing_is_remarked(fields: dict[str, Any], words: str) -> None:
    """One beyond the limit, and none at all."""
    found = [finding.message for finding in definition(fields).lints(LintContext((), 20)) if finding.key == "margin"]
    assert [words in message for message in found] == ([True] if words else [])
