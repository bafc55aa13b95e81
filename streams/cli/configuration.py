"""Settings and keys of a command, from its flags and from the environment; faults in them as one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streams.cli.failures import WRONG_USE, Failure
from streams.cli.unknown_variables import warn_of_unknown

if TYPE_CHECKING:
    from connectors.kafka.clients import KafkaSettings
    from connectors.signing.signatures import Keyring, Role

S = TypeVar("S", bound="KafkaSettings")


def kafka_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that choose the Kafka cluster and the topics; they override the environment."""
    bootstrap = click.option(
        "--bootstrap", metavar="HOST:PORT,...", help="Kafka  [default: $SLUICEGATE_BOOTSTRAP or localhost:9092]"
    )
    prefix = click.option(
        "--topic-prefix",
        metavar="TEXT",
        help="Prefix of every topic and group name  [default: $SLUICEGATE_TOPIC_PREFIX or none]",
    )
    return bootstrap(prefix(command))


def settings_from(kind: type[S], flags: Mapping[str, object]) -> S:
    """The settings of this kind from flags, then environment; a flag that is None or empty counts as not given.

    Raises:
        Failure: a variable or a flag has an invalid value; the line names each.
    """
    from pydantic import ValidationError

    warn_of_unknown()
    given: dict[str, Any] = {name: value for name, value in flags.items() if value not in (None, ())}
    try:
        return kind(**given)
    except ValidationError as error:
        faults = "; ".join(_setting_fault(fault, given) for fault in error.errors(include_url=False))
        raise Failure(faults, WRONG_USE) from None


def _setting_fault(fault: Any, flags: dict[str, Any]) -> str:
    name = str(fault["loc"][0]) if fault["loc"] else "settings"
    source = f"--{name.replace('_', '-')}" if name in flags else f"SLUICEGATE_{name.upper()}"
    return f"{source}: {fault['msg']}" + ("" if fault["type"] == "unfit" else f", not {fault['input']!r}")


def kafka_settings(flags: Mapping[str, object]) -> KafkaSettings:
    """The Kafka settings from flags and environment."""
    from connectors.kafka.clients import KafkaSettings

    return settings_from(KafkaSettings, flags)


def checked_keys(settings: KafkaSettings, role: Role) -> Keyring:
    """The keys of the settings, for a process of this role.

    Raises:
        Failure: they cannot be used.
    """
    from connectors.signing.keys import KeysError, keyring

    try:
        return keyring(settings, role)
    except KeysError as error:
        raise Failure(str(error), WRONG_USE) from None
