"""The checks of a status as a table: verdicts, figures of both cohorts, evidence."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from rich.console import Group, RenderableType
from rich.text import Text

from gates.text import count, e_value, estimate, figure, significant_text
from streams.views.blocks import long_blocks
from streams.views.styles import UNKNOWN_STYLE, VERDICT_STYLES
from streams.views.tables import plain_table
from streams.views.wording import Document, printable


def checks_view(status: Document) -> RenderableType:
    """Each check with its verdict and figures; below, the reasons of those that do not pass."""
    if not status["checks"]:
        return Text("no pane has been judged yet", style="dim")
    table = plain_table()
    for name in _columns(status["cohorts"]):
        table.add_column(printable(name))
    reasons = Text()
    for check in status["checks"]:
        style = VERDICT_STYLES.get(check["verdict"], UNKNOWN_STYLE)
        table.add_row(
            Text(printable(check["name"]), "bold"),
            Text(printable(check["verdict"]), style),
            Text(_measured(check["candidate"], check["unit"]), style),
            Text(_measured(check["baseline"], check["unit"]), "dim"),
            Text(_evidence(check, "e_value", "threshold")),
            Text(_evidence(check, "advance_e_value", "advance_threshold")),
            Text(_doubling(status["sight"].get(check["name"]))),
        )
        if check["verdict"] != "PASS":
            reasons.append(f"\n{printable(check['reason'])}", style)
    for why_long in long_blocks(status):
        reasons.append(f"\n{why_long}", "dim")
    for doubt in status["doubts"]:
        reasons.append(f"\n{printable(doubt)}", "yellow")
    return Group(table, reasons) if reasons else table


def _columns(cohorts: Document) -> tuple[str, ...]:
    candidate, baseline = cohorts["candidate"], cohorts["baseline"]
    return ("check", "verdict", candidate, baseline, "e-value against", "e-value for", "detects 2x")


def _measured(measured: Document, unit: str) -> str:
    """One cohort's figure with its number of requests."""
    value, requests = measured["value"], count(measured["requests"])
    if value is None:
        return "no data" if measured["requests"] == 0 else f"no value ({requests} req)"
    return f"{figure(value, unit)} ({requests} req)"


def _evidence(check: Document, value: str, threshold: str) -> str:
    if check.get(value) is None or check.get(threshold) is None:
        return ""
    needed = "acts at" if threshold == "threshold" else "needs"
    return f"{e_value(check[value])}, {needed} {significant_text(check[threshold], 3)}"


def _doubling(seconds: Mapping[str, float | None] | None) -> str:
    """How soon twice the baseline's figure would be detected at current traffic; empty for a check without ratio."""
    if seconds is None:
        return ""
    found = estimate(inf if seconds["x2"] is None else seconds["x2"])
    return found if found == "never" else f"in {found}"
