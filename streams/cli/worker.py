"""`sluicegate worker`: run the gate."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from streams.cli.configuration import checked_keys, kafka_options, settings_from
from streams.cli.connection import run_with_kafka
from streams.cli.failures import WRONG_USE, Failure
from streams.cli.sigterm import end_on_sigterm

if TYPE_CHECKING:
    from streams.runtime.settings import Settings

log = logging.getLogger(__name__)


@click.command()
@kafka_options
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(["ingest", "judge", "sequencer", "audit"]),
    help="Run only this role (repeatable)  [default: all]",
)
@click.option("--web-host", help="Address of /metrics, /healthz and /readyz  [default: loopback only]")
@click.option("--web-port", type=int, help="Port of /metrics, /healthz and /readyz.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="The least level logged.")
def worker(**flags: object) -> None:
    """Run the gate: count events, judge rollouts, publish decisions.

    One process can do everything; several share the partitions. Each flag has a SLUICEGATE_ variable, and there are
    more variables: see `sluicegate settings`. SIGTERM and Ctrl-C stop the worker in order (exit 0).
    """
    end_on_sigterm(0)  # nothing has begun that would have to be stopped in order
    from streams.runtime.settings import Settings
    from streams.worker.app import serve
    from streams.worker.web import AddressError

    settings = settings_from(Settings, flags)
    checked_keys(settings, "gate")
    settings = run_with_kafka(settings, _prepare(settings))
    try:
        serve(settings)
    except AddressError as error:
        raise Failure(str(error), WRONG_USE) from None


async def _prepare(settings: Settings) -> Settings:
    from connectors.kafka.acl import AccessError, require
    from streams.topics.creation import prepare
    from streams.worker.acl_needs import needs_of

    denied = {}
    for role in settings.roles:
        try:
            await require(settings, needs_of(settings.model_copy(update={"roles": (role,)})))
        except AccessError as error:
            denied[role] = error
    if len(denied) == len(settings.roles):
        await require(settings, needs_of(settings))  # raises one error, which lists all
    for name, why in denied.items():
        log.error("role %s cannot work, and is tried again and again; the other roles run: %s", name, why)
    return await prepare(settings)
