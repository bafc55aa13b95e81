"""`sluicegate events`: check request events before they are sent to a topic."""

from __future__ import annotations

import click

from streams.cli.output import print_json


@click.group()
def events() -> None:
    """Check request events."""


@events.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per fault, then one with the summary.")
@click.option(
    "--max-faults", type=click.IntRange(min=0), default=100, show_default=True, help="Print at most this many faults."
)
@click.pass_context
def check(context: click.Context, file: str, as_json: bool, max_faults: int) -> None:
    """Check request events in FILE, one message value per line; - is standard input.

    Exits with 0 if every line is valid, 1 if there is a fault, 2 if FILE cannot be read.
    """
    import msgspec

    from connectors.decoders.check import Summary, check_lines
    from streams.views.events import check_summary, fault_line

    summary = Summary()
    found = 0
    name = click.format_filename(file)
    with click.open_file(file, "rb") as lines:
        for fault in check_lines(lines, summary):
            found += 1
            if found > max_faults:
                continue
            if as_json:
                print_json({"file": name, **msgspec.structs.asdict(fault)})
            else:
                click.echo(fault_line(name, fault))
    hidden = max(0, found - max_faults)
    if as_json:
        print_json({"summary": {**summary.as_dict(), "faults_not_shown": hidden}})
    else:
        click.echo(check_summary(summary, hidden), err=True)
    context.exit(1 if found else 0)
