"""`sluicegate actuate`: run one of the actuators that come along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.actuators import Actuator

_bootstrap = click.option("--bootstrap", help="Kafka bootstrap servers, host:port separated by commas.")
_topic_prefix = click.option("--topic-prefix", help="Put before every topic name.")
_rollouts = click.option(
    "--rollout", "rollouts", multiple=True, help="Obey this rollout only (may be given more than once); default: all."
)
_name = click.option("--name", help="The actuator's name in acks; default: the command's.")


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (_name, _rollouts, _topic_prefix, _bootstrap):
        command = option(command)
    return command


@click.group()
def actuate() -> None:
    """Carry out the gate's decisions, and acknowledge them.

    Each of these runs until SIGTERM or Ctrl-C (exit 0). To steer a router of your own, write an actuator: see
    examples/custom_actuator.py.
    """


@actuate.command()
@_options
def log(name: str | None, **flags: Any) -> None:
    """Log what is wanted, change nothing, and acknowledge it as done: for trying out."""
    from connectors.actuators import LogActuator

    _serve(LogActuator(name or "log"), **flags)


@actuate.command()
@click.argument("path", type=click.Path(dir_okay=False, writable=True))
@_options
def file(path: str, name: str | None, **flags: Any) -> None:
    """Keep the wanted weights in the JSON file PATH, replaced whole at each change.

    {rollout: {weights, stage, epoch, sequence, id, action, reason}}, weights in per cent by cohort. Exits with 2 if
    PATH cannot be written or holds something else.
    """
    from connectors.actuators import FileActuator

    try:
        actuator = FileActuator(path, name or "file")
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="PATH") from error
    _serve(actuator, **flags)


def _serve(actuator: Actuator, *, bootstrap: str | None, topic_prefix: str | None, rollouts: tuple[str, ...]) -> None:
    import logging

    from connectors.actuators import serve
    from connectors.kafka import KafkaSettings
    from streams.clock import wall_ms

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    given = {"bootstrap": bootstrap, "topic_prefix": topic_prefix}
    try:
        settings = KafkaSettings.model_validate({field: value for field, value in given.items() if value is not None})
        settings.topics  # noqa: B018 - a bad prefix is said here
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    serve(actuator, settings, rollouts=rollouts or None, clock=wall_ms)
