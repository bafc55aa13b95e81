"""The checks of a status as a table."""

import io
from typing import Any

from rich.console import Console

from streams.views.checks import checks_view
from tools.topics_page import examples


def shown(status: dict[str, Any]) -> str:
    """Return the table as text, without repeated spaces."""
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(checks_view(status))
    return " ".join(console.export_text().split())


def test_evidence_and_detectability_are_in_the_table() -> None:
    """E-values beside the values at which they act, and how soon a doubling is detected."""
    status: dict[str, Any] = dict(examples.status())
    compared = {"e_value": 0.94, "threshold": 100, "advance_e_value": 3.2, "advance_threshold": 20}
    checks = [status["checks"][0] | compared]
    text = shown(status | {"checks": checks, "sight": {"errors": {"x1.5": None, "x2": 5_000.0, "x5": 9.0}}})
    assert "0.94, acts at 100 3.2, needs 20 in 1h" in text
    assert "never" in shown(status | {"checks": checks, "sight": {"errors": {"x2": None}}})


def test_before_the_first_pane() -> None:
    """There is no table yet."""
    assert shown(dict(examples.status()) | {"checks": []}) == "no pane has been judged yet"
