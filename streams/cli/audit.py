"""`sluicegate audit`: whether the audit log is whole, and what is in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from streams.cli.moments import MOMENT, in_span, iso
from streams.cli.running import FAILED, kafka_options, kafka_settings, print_json, run
from streams.views.timeline import printable

if TYPE_CHECKING:
    from streams.audit.chain import Entry
    from streams.audit.verifying import Finding, Verifier

MOST_SHOWN = 50
COLUMNS = (
    "sequence",
    "at",
    "kind",
    "rollout",
    "actor",
    "action",
    "reason",
    "id",
    "topic",
    "partition",
    "offset",
    "sha256",
    "recorded_at",
    "writer",
)


@click.group()
def audit() -> None:
    """Check and export the audit log: what was ordered, decided and done, by whom and why."""


def _place(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int | None, str | None]:
    if value is None:
        return None, None
    sequence, _, anchor = value.partition(":")
    if not sequence.isdecimal() or int(sequence) < 1:
        raise click.BadParameter("write it as N or N:HASH, such as verify printed it", context, parameter)
    return int(sequence), anchor.lower() or None


@audit.command()
@click.option(
    "--from",
    "start",
    metavar="N[:HASH]",
    callback=_place,
    help="From entry N on. With HASH, which an earlier verify printed as the head: and it must be that very entry.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@kafka_options
@click.pass_context
def verify(context: click.Context, /, start: tuple[int | None, str | None], as_json: bool, **flags: str | None) -> None:
    """Check the chain of the audit log, and that what it records is there.

    Each entry must continue the chain; of what the audited topics still hold, each record must have its entry, with the
    same hash, once it is a minute old. A fork that lost nothing (two workers wrote at once, the second entry is void)
    is told and is no fault.

    Exits with 0 if the log is whole, with 1 if it is broken. Note the head that it prints somewhere else: only with
    `--from` that head can a later run tell that nobody wrote the whole log anew.
    """
    from streams.audit.log_reader import verify as verify_log

    settings = kafka_settings(flags)
    found = run(settings, verify_log(settings, first=start[0], anchor=start[1]))
    broken = any(finding.broken for finding in found.findings)
    if as_json:
        print_json(_document(found, broken=broken))
    else:
        click.echo("\n".join(_report(found, broken=broken)))
    context.exit(FAILED if broken else 0)


def _head(found: Verifier) -> str | None:
    return None if found.head is None else f"{found.head.sequence}:{found.head.hash}"


def _document(found: Verifier, *, broken: bool) -> dict[str, Any]:
    findings = [{name: getattr(one, name) for name in one.__slots__} for one in found.findings]
    counts = {"entries": found.entries, "not_yet_recorded": found.pending}
    return {"broken": broken, "head": _head(found), **counts, "findings": findings}


def _report(found: Verifier, *, broken: bool) -> Iterator[str]:
    for finding in sorted(found.findings, key=lambda one: not one.broken)[:MOST_SHOWN]:
        yield _finding(finding)
    if len(found.findings) > MOST_SHOWN:
        yield f"... and {len(found.findings) - MOST_SHOWN} more; --json has all"
    pending = f", {found.pending} not yet recorded" if found.pending else ""
    yield f"{'BROKEN' if broken else 'whole'}: {found.entries} entries{pending}; head {_head(found) or 'none yet'}"


def _finding(finding: Finding) -> str:
    place = "" if finding.offset is None else f" at offset {finding.offset}"
    return f"{'BROKEN' if finding.broken else 'note'}  {finding.kind}{place}: {printable(finding.detail)}"


@audit.command()
@click.option("--since", type=MOMENT, help="What was said then or later: 2026-01-31T12:00:00Z, or 7d for 7 days ago.")
@click.option("--until", type=MOMENT, help="What was said before.")
@click.option("--rollout", metavar="ID", help="About this rollout only.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "csv"]),
    default="ndjson",
    show_default=True,
    help="ndjson has the entries byte for byte, a line each, whose SHA-256 the next entry names; csv has no values.",
)
@kafka_options
def export(since: int | None, until: int | None, rollout: str | None, form: str, **flags: str | None) -> None:
    """Print the entries of the audit log, oldest first.

    A log that is broken is exported all the same, with a word on standard error; and so where there is none to print.
    """
    import csv

    from streams.audit.log_reader import read_log
    from streams.audit.verifying import Verifier

    settings, verifier = kafka_settings(flags), Verifier()
    table = csv.writer(sys.stdout, lineterminator="\n") if form == "csv" else None

    async def body() -> int:
        printed = 0
        if table is not None:
            table.writerow(COLUMNS)
        async for entry, value in read_log(settings, verifier):
            if not in_span(entry.at, since, until) or rollout not in (None, entry.rollout):
                continue
            if table is None:
                click.echo(value)
            else:
                table.writerow(row(entry))
            printed += 1
        return printed

    if not run(settings, body()):
        click.echo("no entries, or none like that", err=True)
    if any(finding.broken for finding in verifier.findings):
        click.echo("the audit log is broken: see `sluicegate audit verify`", err=True)


def row(entry: Entry) -> list[str]:
    """The cells of an entry. One that a spreadsheet would take for a formula begins with an apostrophe."""
    source = entry.source
    plain = {
        "at": iso(entry.at),
        "recorded_at": iso(entry.recorded_at),
        "topic": source.topic,
        "partition": source.partition,
        "offset": source.offset,
    }
    cells = [plain[name] if name in plain else getattr(entry, name) for name in COLUMNS]
    texts = ["" if cell is None else printable(cell) for cell in cells]
    return [f"'{text}" if text[:1] in ("=", "+", "-", "@") else text for text in texts]
