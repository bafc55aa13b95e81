"""`sluicegate events`: look at request events before they reach a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from connectors.decoders.check import LineFault, Summary


@click.group()
def events() -> None:
    """Look at request events."""


@events.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per fault, then one with the summary.")
@click.option(
    "--max-faults", type=click.IntRange(min=0), default=100, show_default=True, help="Print at most this many faults."
)
@click.pass_context
def check(context: click.Context, file: str, as_json: bool, max_faults: int) -> None:
    """Check request events in FILE, one message value a line; - is standard input.

    Exits with 0 if every line would be taken, 1 if there is a fault, 2 if FILE cannot be read.
    """
    from connectors.decoders.check import Summary, check_lines

    summary = Summary()
    found = 0
    name = click.format_filename(file)
    with click.open_file(file, "rb") as lines:
        for fault in check_lines(lines, summary):
            found += 1
            if found <= max_faults:
                click.echo(_fault_as_json(name, fault) if as_json else _fault_as_text(name, fault))
    hidden = max(0, found - max_faults)
    if as_json:
        click.echo(_summary_as_json(summary, hidden))
    else:
        click.echo(_summary_as_text(summary, hidden), err=True)
    context.exit(1 if found else 0)


def _fault_as_text(file: str, fault: LineFault) -> str:
    where = "" if fault.position is None else f"element {fault.position}: "
    return f"{file}:{fault.line}: {fault.reason}: {where}{fault.detail}"


def _fault_as_json(file: str, fault: LineFault) -> str:
    import msgspec

    return msgspec.json.encode({"file": file, **msgspec.structs.asdict(fault)}).decode()


def _summary_as_json(summary: Summary, hidden: int) -> str:
    import msgspec

    return msgspec.json.encode({"summary": {**summary.as_dict(), "faults_not_shown": hidden}}).decode()


def _summary_as_text(summary: Summary, hidden: int) -> str:
    """Say it in one line: events, rollouts, cohorts, time range, faults by reason, faults not shown."""
    cohorts = sum(map(len, summary.cohorts.values()))
    parts = [f"{_count(summary.events, 'event')} in {_count(len(summary.cohorts), 'rollout')}"]
    parts.append(_count(cohorts, "cohort"))
    if summary.first_ts_ms is not None and summary.last_ts_ms is not None:
        parts.append(f"{_moment(summary.first_ts_ms)} to {_moment(summary.last_ts_ms)}")
    reasons = ", ".join(f"{reason} {count}" for reason, count in summary.faults.most_common())
    parts.append(_count(summary.faults.total(), "fault") + (f" ({reasons})" if reasons else ""))
    if hidden:
        parts.append(f"{hidden} more not shown")
    return "; ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _moment(ts_ms: int) -> str:
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ts_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
