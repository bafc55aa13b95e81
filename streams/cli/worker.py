"""`sluicegate worker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streams.cli.running import checked_keys, kafka_options, run, settings_from

if TYPE_CHECKING:
    from streams.runtime.settings import Settings


@click.command()
@kafka_options
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(["ingest", "judge", "sequencer", "audit"]),
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
    from streams.runtime.settings import Settings
    from streams.worker.app import serve

    settings = settings_from(Settings, flags)
    checked_keys(settings, "gate")
    run(settings, _prepared(settings))
    serve(settings)


async def _prepared(settings: Settings) -> None:
    from connectors.kafka.acl import require
    from streams.topics.creation import prepare
    from streams.worker.acl_needs import needs_of

    await require(settings, needs_of(settings))
    await prepare(settings)
