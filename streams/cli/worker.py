"""`sluicegate worker`."""

from __future__ import annotations

import click

from streams.cli.running import kafka_options, run, settings_from


@click.command()
@kafka_options
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(["ingest", "judge", "sequencer"]),
    help="Do only this (may be given more than once); without it, everything.",
)
@click.option("--web-host", help="Address of /metrics, /healthz and /readyz (default: loopback only).")
@click.option("--web-port", type=int, help="Their port.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="How much to log.")
def worker(**flags: object) -> None:
    """Run the gate: count events, judge rollouts, publish decisions.

    One process does everything; more of them share the partitions. Each flag has a SLUICEGATE_ variable, and there are
    more of those: see `sluicegate settings`. SIGTERM and Ctrl-C stop it in good order (exit 0).
    """
    from streams.app import serve
    from streams.settings import Settings
    from streams.topics import prepare

    settings = settings_from(Settings, flags)
    run(settings, prepare(settings))
    serve(settings)
