"""A rollout as a picture for the terminal: a pure function of its status and its latest decisions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gates.documents.quantities import format_share
from gates.text import clock_time, percent, significant_text
from streams.views.blocks import next_looks
from streams.views.checks import checks_view
from streams.views.orders import confirmation_lines, doubled_lines, is_confirmed, last_confirmed_text, tries_text
from streams.views.styles import ACTION_STYLES, PHASE_STYLES, UNKNOWN_STYLE
from streams.views.tables import add_wide_column, plain_table
from streams.views.telemetry import telemetry_text
from streams.views.wording import (
    AHEAD_MS,
    Document,
    freeze_text,
    judged_text,
    phase_name,
    printable,
    stale_after,
    utc,
    weights_text,
    whole_seconds,
)

BAR_WIDTH = 24


def rollout_view(
    status: Document, decisions: Sequence[Document], now: int | None = None, *, latest: int = 6
) -> RenderableType:
    """The whole picture: stages, bake, weights, checks and the latest decisions, the newest last.

    `status` is a document of `gate-status` (empty before the first arrived), `decisions` are documents of
    `gate-decisions` in order. `now`, wall-clock milliseconds, adds the age of the last judged pane.
    """
    if not status:
        return Panel(Text("waiting for the first status of the rollout", style="dim"), border_style="dim")
    phase = _phase(status, now)
    title = Text.assemble((printable(status["rollout"]), "bold"), f"  epoch {status['epoch']}  ", phase)
    parts: list[RenderableType] = [_heading(status, now), Text(), checks_view(status)]
    if decisions:
        parts += [Text(), decisions_table(decisions[-latest:])]
    return Panel(Group(*parts), title=title, title_align="left", border_style=phase.style, padding=(1, 2))


def _pause(pause: Document) -> str:
    """Since when the rollout is paused, when a person is reminded, and when the deadline of the policy acts."""
    steps = (("since", "since"), ("remind_at", "next reminder"), ("deadline", "deadline"))
    return ", ".join(f"{text} {utc(pause[name] // 1000 * 1000)}" for name, text in steps if pause[name] is not None)


def _phase(status: Document, now: int | None) -> Text:
    """The phase; an end whose order is not confirmed is no success yet, and is not shown as one.

    Where nothing has been judged for long, it is the phase before that: "baking" alone would look as if all were well.
    """
    if _is_unconfirmed_end(status):
        return Text(f"{phase_name(status)}, not confirmed", "bold red")
    age = 0 if now is None or _has_ended(status) else now - status["event_time"]
    if age >= stale_after(status):
        return Text(f"{phase_name(status)}, not judged for {whole_seconds(age)}", "bold yellow")
    if age <= -AHEAD_MS:
        return Text(f"{phase_name(status)}, judged {judged_text(status['event_time'], now)}", "bold yellow")
    text = f"{phase_name(status)}, frozen" if freeze_text(status) else phase_name(status)
    return Text(text, PHASE_STYLES.get(status["phase"], UNKNOWN_STYLE))


def _is_unconfirmed_end(status: Document) -> bool:
    return _has_ended(status) and not is_confirmed(status)


def _has_ended(status: Document) -> bool:
    return status["phase"] in ("rolled_back", "promoted")


def _heading(status: Document, now: int | None) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row("stages", _stages(status))
    grid.add_row("bake", _bake(status))
    grid.add_row("ordered", _ordered(status))
    grid.add_row("in force" if is_confirmed(status) else "last confirmed", Text(last_confirmed_text(status)))
    grid.add_row("judged", _judged(status, now))
    if looks := next_looks(status):
        grid.add_row("next look", Text(looks))
    if status.get("telemetry"):
        grid.add_row("telemetry", _telemetry(status))
    if freeze := freeze_text(status):
        grid.add_row("freeze", Text(freeze, "yellow"))
    for difference in status.get("settings_differ") or ():
        grid.add_row("settings differ", Text(printable(difference), "bold red"))
    for doubled in doubled_lines(status):
        grid.add_row("actuators", Text(f"{doubled}; the ack of either confirms for both", "bold red"))
    if status["reason"]:
        grid.add_row("reason", Text(printable(status["reason"])))
    if pause := status.get("pause"):
        grid.add_row("pause", Text(_pause(pause), "magenta"))
    return grid


def _stages(status: Document) -> Text:
    """Every stage in a row: done, current or where the rollout stood at its end, to come."""
    line = Text()
    current, phase = status["stage_index"], status["phase"]
    for index, stage in enumerate(status["stages"]):
        done = index < current or (index == current and _has_passed(status))
        here = index == current and not done
        mark = "✓" if done else "●" if here else "○"
        style = "green" if done else PHASE_STYLES.get(phase, UNKNOWN_STYLE) if here else "dim"
        line.append("" if index == 0 else "   ")
        line.append(f"{mark} {printable(stage['name'])} {format_share(stage['weight'])}", style)
    line.append(f"   ({current + 1} of {len(status['stages'])})", "dim")
    return line


def _has_passed(status: Document) -> bool:
    """Whether the rollout was promoted because its last stage passed, not by an order at any stage."""
    passes = status["passes"]
    last = status["stage_index"] + 1 == len(status["stages"])
    complete = status["baked_ms"] >= status["bake_ms"] and passes["so_far"] >= passes["needed"]
    return bool(status["phase"] == "promoted" and last and complete)


def _bake(status: Document) -> Table:
    """How much of the stage's bake is done and, while the rollout runs, how much is left."""
    bake = max(status["bake_ms"], 1)
    baked = min(status["baked_ms"], bake)
    style = PHASE_STYLES.get(status["phase"], UNKNOWN_STYLE)
    bar = ProgressBar(total=bake, completed=baked, width=BAR_WIDTH, complete_style=style, finished_style=style)
    left = status["bake_ms"] - status["baked_ms"]
    rest = ", done" if left <= 0 else "" if _has_ended(status) else f", {whole_seconds(left)} left"
    grid = Table.grid(padding=(0, 2))
    grid.add_row(bar, Text(f"{whole_seconds(baked)} of {whole_seconds(status['bake_ms'])}{rest}"))
    return grid


def _ordered(status: Document) -> Text:
    """The newest order, and line by line who confirmed it, who failed with what words, and who has not reported."""
    first, *rest = confirmation_lines(status)
    style = _confirmation_style(status)
    line = Text.assemble(weights_text(status["weights"]) or "none", (f"  {first}{_due(status)}", style))
    trouble = "yellow" if is_confirmed(status) else style
    for text in rest:
        line.append(f"\n{text}", trouble)
    return line


def _due(status: Document) -> str:
    """When the unconfirmed order is sent again or, at its last try, until when its confirmation is waited for."""
    order = status.get("order")
    if order is None or order["due"] is None:
        return ""
    step = "waited for until" if order["tries"] == order["of"] else "sent again at"
    return f", {step} {clock_time(order['due'])}"


def _confirmation_style(status: Document) -> str:
    """An unconfirmed end is the gravest, because the rollout looks as if it were over."""
    if is_confirmed(status):
        return "green"
    return "bold red" if _is_unconfirmed_end(status) else "yellow"


def _judged(status: Document, now: int | None) -> Text:
    text = Text(judged_text(status["event_time"], now))
    complete = status["completeness"]
    text.append(f"  telemetry {percent(complete)} complete", "dim" if complete >= 1.0 else "yellow")
    return text


def _telemetry(status: Document) -> Text:
    """A line per cohort: how complete its telemetry is in the stage, and what is missing of it."""
    lines, needed = Text(), status.get("min_completeness", 1.0)
    for cohort, counts in status["telemetry"].items():
        lines.append("\n" if lines else "")
        style = "dim" if counts["completeness"] >= needed else "yellow"
        lines.append(f"{printable(cohort)} {telemetry_text(counts)}", style)
    return lines


def decisions_table(decisions: Sequence[Document]) -> Table:
    """A row per decision: event time, action, stage, ordered weights, reason."""
    table = plain_table()
    for name in ("time", "decision", "stage", "ordered"):
        table.add_column(name, no_wrap=name != "ordered")
    add_wide_column(table, "reason")
    for decision in decisions:
        reason = Text(printable(decision["reason"]))
        if decision.get("escalate"):
            reason.append("  needs a person", "bold red")
        table.add_row(
            clock_time(decision["event_time"]),
            Text(printable(decision["action"]), ACTION_STYLES.get(decision["action"], UNKNOWN_STYLE)),
            Text(printable(decision["stage"])),
            Text(" / ".join(significant_text(share, 6) for share in decision["weights"].values())),
            reason,
        )
    return table


def rollouts_table(statuses: Sequence[Document], now: int | None = None) -> Table:
    """A row per rollout. `now`, wall-clock milliseconds, adds how long a rollout that runs has not been judged."""
    table = plain_table("rollout", "phase", "stage", "ordered", "confirmed", "bake left")
    add_wide_column(table, "reason")
    for status in statuses:
        left = max(0, status["bake_ms"] - status["baked_ms"])
        table.add_row(
            Text(printable(status["rollout"]), "bold"),
            _phase(status, now),
            Text(f"{printable(status['stage'])} ({status['stage_index'] + 1} of {len(status['stages'])})"),
            Text(weights_text(status["weights"])),
            _confirmed(status),
            Text("-" if _has_ended(status) else whole_seconds(left)),
            Text(printable(status["reason"])),
        )
    return table


def _confirmed(status: Document) -> Text:
    """Whether the newest order is confirmed, in few words; two actuators of one name put that in doubt."""
    order = status.get("order")
    if order is None:
        return Text("unknown" if status["weights"] else "-", "yellow")
    text = Text("yes" if order["confirmed"] else f"no, {tries_text(order)}", _confirmation_style(status))
    for doubled in doubled_lines(status):
        text.append(f", {doubled}", "bold red")
    return text
