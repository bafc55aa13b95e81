"""`sluicegate why-not`: what a rollout still needs to advance."""

from __future__ import annotations

import click

from streams.cli.configuration import kafka_options
from streams.cli.connection import read_status_view
from streams.cli.failures import Failure
from streams.cli.output import print_json, print_lines


@click.command("why-not")
@click.argument("rollout", metavar="ROLLOUT")
@click.option("--json", "as_json", is_flag=True, help='Print one JSON object: {"status": ..., "lacking": [...]}.')
@kafka_options
def why_not(rollout: str, as_json: bool, **flags: str | None) -> None:
    """List what ROLLOUT still needs to advance, with numbers.

    That can be the rest of its bake, checks that do not pass, an order that is not confirmed, incomplete telemetry,
    cohorts without requests, an approval or another order of an operator; or nothing. A rollout that has ended needs
    the confirmation of its end.
    """
    from streams.clock import wall_ms
    from streams.views.why_not import missing_conditions, status_lines
    from streams.views.wording import printable, similar

    view = read_status_view(flags)
    status = view.statuses.get(rollout)
    if status is None:
        raise Failure(f"no rollout {printable(rollout)}; known: {similar(rollout, sorted(view.statuses))}")
    now = wall_ms()
    if as_json:
        print_json({"status": status, "lacking": list(missing_conditions(status, now))})
    else:
        print_lines(status_lines(status, now))
