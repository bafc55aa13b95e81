"""`sluicegate actuate`: run one of the bundled actuators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streams.cli.configuration import checked_keys, kafka_options, settings_from
from streams.cli.connection import check_credentials
from streams.cli.failures import WRONG_USE, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.actuators import Actuator
    from connectors.actuators.executor import OnDeviation
    from streams.runtime.health import Health

_rollouts = click.option(
    "--rollout", "rollouts", multiple=True, help="Carry out decisions of this rollout only (repeatable)  [default: all]"
)
_name = click.option("--name", help="The actuator's name in acks  [default: the name of the subcommand]")
_metrics_port = click.option(
    "--metrics-port",
    type=click.IntRange(1, 65_535),
    help="Serve /healthz, /readyz and /metrics on this port  [default: nowhere]",
)
_web_host = click.option(
    "--web-host",
    default="127.0.0.1",
    show_default=True,
    help="The address for --metrics-port; beyond loopback /metrics is not served",
)
_watchdog_ms = click.option(
    "--watchdog-ms",
    type=click.IntRange(3_000),
    help="Exit with 70 after this long without headway; /healthz fails after a third of it  "
    "[default: $SLUICEGATE_WATCHDOG_MS or 180000]",
)
_on_deviation = click.option(
    "--on-deviation",
    type=click.Choice(["restore", "report"]),
    default="restore",
    show_default=True,
    help="Weights that something else has changed: put them right, or leave and report them",
)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (_watchdog_ms, _web_host, _metrics_port, _name, _rollouts):
        command = option(command)
    with_kafka: Callable[..., None] = kafka_options(command)
    return with_kafka


@click.group()
def actuate() -> None:
    """Carry out the gate's decisions, and acknowledge them.

    Each actuator runs until SIGTERM or Ctrl-C (exit 0). For a router of your own, write an actuator: see
    examples/custom_actuator.py.
    """


@actuate.command()
@_options
def log(name: str | None, **flags: Any) -> None:
    """Log the ordered weights and acknowledge them as applied without changing anything: for trying out."""
    from connectors.actuators import LogActuator

    _serve(LogActuator(name or "log"), **flags)


@actuate.command()
@click.argument("path", type=click.Path(dir_okay=False, writable=True))
@_on_deviation
@_options
def file(path: str, name: str | None, **flags: Any) -> None:
    """Keep the ordered weights in the JSON file PATH, which is replaced as a whole at each change.

    {rollout: {weights, stage, epoch, sequence, id, action, reason}}, weights in per cent by cohort. PATH.known
    beside it has the newest orders, for the case that PATH is lost. Exits with 2 if PATH cannot be written or holds
    something else.
    """
    from connectors.actuators import FileActuator

    try:
        actuator = FileActuator(path, name or "file")
    except (OSError, ValueError) as error:
        raise Failure(str(error), WRONG_USE) from None
    _serve(actuator, **flags)


def _serve(
    actuator: Actuator,
    *,
    rollouts: tuple[str, ...],
    metrics_port: int | None,
    web_host: str,
    on_deviation: OnDeviation = "restore",
    **flags: object,
) -> None:
    import logging

    from connectors.actuators import serve
    from streams.clock import wall_ms
    from streams.runtime.health import Health
    from streams.runtime.settings import ActuatorSettings
    from streams.runtime.watchdog import start_watchdog

    settings = settings_from(ActuatorSettings, flags)
    checked_keys(settings, "actuator")
    check_credentials(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    health = Health(longest_pause=settings.watchdog_ms / 3000.0)
    pulse = health.pulse("actuator")
    if metrics_port is not None:
        _serve_pages(health, web_host, metrics_port)
    over = start_watchdog(health, settings.watchdog_ms / 1000.0)
    try:
        serve(actuator, settings, rollouts=rollouts or None, clock=wall_ms, on_deviation=on_deviation, pulse=pulse)
    finally:
        over.set()


def _serve_pages(health: Health, host: str, port: int) -> None:
    from connectors.addresses import listening_fault
    from streams.runtime.health_server import serve_health

    try:
        serve_health(health, host, port)
    except OSError as error:
        fault = listening_fault(host, port, error, "actuator", "--web-host", "--metrics-port")
        raise Failure(fault, WRONG_USE) from None
