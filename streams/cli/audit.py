"""`sluicegate audit`: verify the audit log, and export it."""

from __future__ import annotations

import sys

import click

from streams.cli.configuration import kafka_options, kafka_settings
from streams.cli.connection import run_with_kafka
from streams.cli.failures import FAILED
from streams.cli.output import print_json, print_lines
from streams.cli.parameters import TimeParameter


@click.group()
def audit() -> None:
    """Verify and export the audit log: what was ordered, decided and done, by whom and why."""


def _head(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int | None, str | None]:
    if value is None:
        return None, None
    sequence, _, anchor = value.partition(":")
    if not sequence.isdecimal() or int(sequence) < 1:
        raise click.BadParameter("write N or N:HASH, as verify printed it", context, parameter)
    return int(sequence), anchor.lower() or None


@audit.command()
@click.option(
    "--from",
    "start",
    metavar="N[:HASH]",
    callback=_head,
    help="Verify from entry N on. With HASH, the head that an earlier verify printed, N must be that very entry.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@kafka_options
@click.pass_context
def verify(context: click.Context, /, start: tuple[int | None, str | None], as_json: bool, **flags: str | None) -> None:
    """Verify the hash chain of the audit log, and that nothing is missing from it.

    Each entry must continue the chain. Each record that the audited topics still hold must have its entry, with the
    same hash, within a minute. A fork that lost nothing (two workers wrote at once; the second entry is void) is
    reported and is not a fault.

    Exits with 0 if the log is intact, with 1 if it is broken. Keep the printed head somewhere else: a later run
    needs it, as --from, to detect that somebody rewrote the whole log.
    """
    from streams.audit.log_reader import verify as verify_log
    from streams.views.audit import is_broken, verification_document, verification_lines

    settings = kafka_settings(flags)
    verified = run_with_kafka(settings, verify_log(settings, first=start[0], anchor=start[1]))
    if as_json:
        print_json(verification_document(verified))
    else:
        print_lines(list(verification_lines(verified)))
    context.exit(FAILED if is_broken(verified) else 0)


@audit.command()
@click.option(
    "--since", type=TimeParameter(), help="Entries of this time or later: 2026-01-31T12:00:00Z, or 7d for 7 days ago."
)
@click.option("--until", type=TimeParameter(), help="Entries before this time.")
@click.option("--rollout", metavar="ID", help="Entries about this rollout only.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "csv"]),
    default="ndjson",
    show_default=True,
    help="ndjson: each entry byte for byte on a line, whose SHA-256 is in the next entry. csv: without values.",
)
@kafka_options
def export(since: int | None, until: int | None, rollout: str | None, form: str, **flags: str | None) -> None:
    """Print the entries of the audit log, oldest first.

    A broken log is exported as well, with a message on standard error. If no entry matches, standard error has a
    message and the exit code is 0.
    """
    import csv

    from streams.audit.log_reader import read_log
    from streams.audit.verifying import Verifier
    from streams.views.audit import COLUMNS, csv_row, is_broken

    settings, verifier = kafka_settings(flags), Verifier()
    table = csv.writer(sys.stdout, lineterminator="\n") if form == "csv" else None

    async def print_entries() -> int:
        printed = 0
        if table is not None:
            table.writerow(COLUMNS)
        async for entry, value in read_log(settings, verifier):
            if not in_range(entry.at, since, until) or rollout not in (None, entry.rollout):
                continue
            if table is None:
                click.echo(value)
            else:
                table.writerow(csv_row(entry))
            printed += 1
        return printed

    if not run_with_kafka(settings, print_entries()):
        click.echo("no matching entries", err=True)
    if is_broken(verifier):
        click.echo("the audit log is broken: run `sluicegate audit verify`", err=True)


def in_range(ms: int, since: int | None, until: int | None) -> bool:
    """Whether a time is at or after `since` and before `until`, where they are given.

    >>> in_range(5, 5, None), in_range(5, None, 5)
    (True, False)
    """
    return (since is None or ms >= since) and (until is None or ms < until)
