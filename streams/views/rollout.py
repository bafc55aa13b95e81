"""A rollout as a picture for the terminal: a pure function of its status and its latest decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gates.text import clock_time, count, e_value, figure, percent, significant_text
from streams.views.timeline import phase_in_words, printable, share_in_words, weights_in_words, whole_seconds

PHASE_STYLES = {
    "idle": "dim",
    "baking": "cyan",
    "held": "yellow",
    "paused": "magenta",
    "rolled_back": "bold red",
    "promoted": "bold green",
}
VERDICT_STYLES = {"PASS": "green", "FAIL": "bold red", "ERROR": "red", "NO_DATA": "yellow", "INCONCLUSIVE": "blue"}
ACTION_STYLES = {
    "start": "cyan",
    "advance": "green",
    "hold": "yellow",
    "pause": "magenta",
    "resume": "cyan",
    "rollback": "bold red",
    "promote": "bold green",
}
BAR_WIDTH = 24


def rollout_view(
    status: Mapping[str, Any], decisions: Sequence[Mapping[str, Any]], now: int | None = None, *, latest: int = 6
) -> RenderableType:
    """The whole picture: stages, bake, weights, checks and the latest decisions, the newest last.

    `status` is a document of `gate-status` (empty before the first came), `decisions` are documents of
    `gate-decisions` in order. `now`, wall-clock milliseconds, adds how long ago the last pane was.
    """
    if not status:
        return Panel(Text("waiting for the first status of the rollout", style="dim"), border_style="dim")
    style = PHASE_STYLES.get(status["phase"], "white")
    title = Text.assemble(
        (printable(status["rollout"]), "bold"), f"  epoch {status['epoch']}  ", (phase_in_words(status), style)
    )
    parts: list[RenderableType] = [_heading(status, now), Text(), checks_view(status)]
    if decisions:
        parts += [Text(), decisions_view(decisions[-latest:])]
    return Panel(Group(*parts), title=title, title_align="left", border_style=style, padding=(1, 2))


def _heading(status: Mapping[str, Any], now: int | None) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row("stages", _stages(status))
    grid.add_row("bake", _bake(status))
    confirmed = "in force" if status["confirmed"] else "not acknowledged yet"
    weights = weights_in_words(status["weights"]) or "none ordered yet"
    grid.add_row("weights", Text.assemble(weights, (f"  {confirmed}", "green" if status["confirmed"] else "yellow")))
    grid.add_row("judged", _judged(status, now))
    if status["reason"]:
        grid.add_row("because", Text(printable(status["reason"])))
    return grid


def _stages(status: Mapping[str, Any]) -> Text:
    """Every stage in a row: done, current, to come."""
    line = Text()
    current, phase = status["stage_index"], status["phase"]
    for index, stage in enumerate(status["stages"]):
        done = index < current or phase == "promoted"
        here = index == current and not done
        mark = "✓" if done else "●" if here else "○"
        style = "green" if done else PHASE_STYLES.get(phase, "white") if here else "dim"
        line.append("" if index == 0 else "   ")
        line.append(f"{mark} {printable(stage['name'])} {share_in_words(stage['weight'])}", style)
    line.append(f"   ({current + 1} of {len(status['stages'])})", "dim")
    return line


def _bake(status: Mapping[str, Any]) -> Table:
    """How much of the stage's bake is done, and how much left."""
    bake = max(status["bake_ms"], 1)
    baked = bake if status["phase"] == "promoted" else min(status["baked_ms"], bake)
    style = PHASE_STYLES.get(status["phase"], "white")
    bar = ProgressBar(total=bake, completed=baked, width=BAR_WIDTH, complete_style=style, finished_style=style)
    left = status["bake_ms"] - status["baked_ms"]
    rest = f"{whole_seconds(left)} left" if left > 0 else "done"
    grid = Table.grid(padding=(0, 2))
    grid.add_row(bar, Text(f"{whole_seconds(baked)} of {whole_seconds(status['bake_ms'])}, {rest}"))
    return grid


def _judged(status: Mapping[str, Any], now: int | None) -> Text:
    text = Text(f"until {clock_time(status['event_time'])}")
    if now is not None:
        text.append(f", {whole_seconds(now - status['event_time'])} ago")
    complete = status["completeness"]
    text.append(f"  {percent(complete)} of the telemetry in time", "dim" if complete >= 1.0 else "yellow")
    return text


def checks_view(status: Mapping[str, Any]) -> RenderableType:
    """Each check with its verdict and figures; below, why, of those that do not pass."""
    checks = status["checks"]
    if not checks:
        return Text("no pane judged yet", style="dim")
    cohorts = status["cohorts"]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in (
        "check",
        "verdict",
        cohorts["candidate"],
        cohorts["baseline"],
        "rolls back at",
        "advances at",
        "sees x2",
    ):
        table.add_column(printable(name))
    reasons = Text()
    for check in checks:
        style = VERDICT_STYLES.get(check["verdict"], "white")
        table.add_row(
            Text(printable(check["name"]), "bold"),
            Text(printable(check["verdict"]), style),
            Text(_figure(check["candidate"], check["unit"]), style),
            Text(_figure(check["baseline"], check["unit"]), "dim"),
            Text(_evidence(check, "e_value", "threshold")),
            Text(_evidence(check, "advance_e_value", "advance_threshold")),
            Text(_sight(status["sight"].get(check["name"]))),
        )
        if check["verdict"] != "PASS":
            reasons.append(f"\n{printable(check['reason'])}", style)
    for doubt in status["doubts"]:
        reasons.append(f"\n{printable(doubt)}", "yellow")
    return Group(table, reasons) if reasons else table


def _figure(measured: Mapping[str, Any], unit: str) -> str:
    """One cohort's figure with its number of requests."""
    value, requests = measured["value"], count(measured["requests"])
    if value is None:
        return "no data" if measured["requests"] == 0 else f"? of {requests}"
    return f"{figure(value, unit)} of {requests}"


def _sight(seconds: Mapping[str, float | None] | None) -> str:
    """How soon a doubling would be seen at the traffic of now; empty for what does not compare."""
    if seconds is None:
        return ""
    found = seconds["x2"]
    return "never" if found is None else f"in {whole_seconds(max(1_000, round(found * 1_000)))}"


def _evidence(check: Mapping[str, Any], value: str, threshold: str) -> str:
    if check.get(value) is None or check.get(threshold) is None:
        return ""
    return f"{e_value(check[value])} of {significant_text(check[threshold], 3)}"


def decisions_view(decisions: Sequence[Mapping[str, Any]]) -> Table:
    """Decisions as a table: event time, what, where, the weights it asks for, why."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("time", "decision", "stage", "weights"):
        table.add_column(name, no_wrap=name != "weights")
    table.add_column("because", ratio=1, overflow="fold")
    for decision in decisions:
        reason = Text(printable(decision["reason"]))
        if decision.get("escalate"):
            reason.append("  a person is needed", "bold red")
        table.add_row(
            clock_time(decision["event_time"]),
            Text(printable(decision["action"]), ACTION_STYLES.get(decision["action"], "white")),
            Text(printable(decision["stage"])),
            Text(" / ".join(significant_text(share, 6) for share in decision["weights"].values())),
            reason,
        )
    return table


def rollouts_view(statuses: Sequence[Mapping[str, Any]]) -> Table:
    """All rollouts, a row each."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("rollout", "phase", "stage", "weights", "bake left"):
        table.add_column(name, overflow="fold")
    table.add_column("because", ratio=1, overflow="fold")
    for status in statuses:
        left = max(0, status["bake_ms"] - status["baked_ms"])
        running = status["phase"] not in ("rolled_back", "promoted")
        table.add_row(
            Text(printable(status["rollout"]), "bold"),
            Text(phase_in_words(status), PHASE_STYLES.get(status["phase"], "white")),
            Text(f"{printable(status['stage'])} ({status['stage_index'] + 1} of {len(status['stages'])})"),
            Text(weights_in_words(status["weights"])),
            Text(whole_seconds(left) if running else "-"),
            Text(printable(status["reason"])),
        )
    return table
