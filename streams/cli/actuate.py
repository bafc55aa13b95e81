"""`sluicegate actuate`: run one of the bundled actuators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streams.cli.configuration import checked_keys, kafka_options, kafka_settings
from streams.cli.connection import check_credentials
from streams.cli.failures import WRONG_USE, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.actuators import Actuator

_rollouts = click.option(
    "--rollout", "rollouts", multiple=True, help="Carry out decisions of this rollout only (repeatable)  [default: all]"
)
_name = click.option("--name", help="The actuator's name in acks  [default: the name of the subcommand]")
_metrics_port = click.option(
    "--metrics-port",
    type=click.IntRange(1, 65_535),
    help="Serve this process's metrics on http://127.0.0.1:PORT/metrics  [default: nowhere]",
)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    with_kafka: Callable[..., None] = kafka_options(_rollouts(_name(_metrics_port(command))))
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
@_options
def file(path: str, name: str | None, **flags: Any) -> None:
    """Keep the ordered weights in the JSON file PATH, which is replaced as a whole at each change.

    {rollout: {weights, stage, epoch, sequence, id, action, reason}}, weights in per cent by cohort. Exits with 2 if
    PATH cannot be written or holds something else.
    """
    from connectors.actuators import FileActuator

    try:
        actuator = FileActuator(path, name or "file")
    except (OSError, ValueError) as error:
        raise Failure(str(error), WRONG_USE) from None
    _serve(actuator, **flags)


def _serve(actuator: Actuator, *, rollouts: tuple[str, ...], metrics_port: int | None, **flags: str | None) -> None:
    import logging

    from connectors.actuators import serve
    from streams.clock import wall_ms

    settings = kafka_settings(flags)
    checked_keys(settings, "actuator")
    check_credentials(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if metrics_port is not None:
        _serve_metrics(metrics_port)
    serve(actuator, settings, rollouts=rollouts or None, clock=wall_ms)


def _serve_metrics(port: int) -> None:
    """Serve metrics on loopback only: this process has no page that could ask for a token."""
    from prometheus_client import start_http_server

    try:
        start_http_server(port, addr="127.0.0.1")
    except OSError as error:
        raise Failure(f"--metrics-port {port}: {error.strerror or error}", WRONG_USE) from None
