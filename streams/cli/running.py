"""What commands share: settings from flags and environment, running what is asynchronous, errors in one line."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from connectors.kafka.clients import KafkaSettings
    from connectors.signing.signatures import Keyring, Role
    from gates.policy import Policy
    from streams.operator_client.status_view import StatusView

T = TypeVar("T")
S = TypeVar("S", bound="KafkaSettings")

REACH_SECONDS = 10.0
"""How long to try to reach a broker before saying that there is none."""

FAILED = 1
WRONG_USE = 2


class Failure(click.ClickException):
    """An end that the user can do something about: one line on standard error, and an exit code."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"sluicegate: {self.message}", file=file, err=file is None)


def kafka_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that say which Kafka and which topics; they win over the environment."""
    bootstrap = click.option(
        "--bootstrap", metavar="HOST:PORT,...", help="Kafka  [default: $SLUICEGATE_BOOTSTRAP or localhost:9092]"
    )
    prefix = click.option(
        "--topic-prefix",
        metavar="TEXT",
        help="Before every topic and group name  [default: $SLUICEGATE_TOPIC_PREFIX or none]",
    )
    return bootstrap(prefix(command))


def settings_from(kind: type[S], flags: Mapping[str, object]) -> S:
    """The settings of this kind by flags, then environment; flags that are None or empty count as not given.

    Raises:
        Failure: a variable or a flag has a value that cannot be; the line names each.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    given: dict[str, Any] = {name: value for name, value in flags.items() if value not in (None, ())}
    try:
        settings = kind(**given)
        settings.topics  # noqa: B018 - a prefix that cannot be is told here
    except ValidationError as error:
        faults = "; ".join(_setting_fault(fault, given) for fault in error.errors(include_url=False))
        raise Failure(faults, WRONG_USE) from None
    except SettingsError as error:
        field = re.search('field "(.+?)"', str(error))
        variable = f"SLUICEGATE_{field[1].upper()}" if field else "a SLUICEGATE_ variable"
        raise Failure(f"{variable}: is not JSON; `sluicegate settings` shows how to write it", WRONG_USE) from None
    except ValueError as error:
        raise Failure(str(error), WRONG_USE) from None
    return settings


def _setting_fault(fault: Any, flags: dict[str, Any]) -> str:
    name = str(fault["loc"][0]) if fault["loc"] else "settings"
    shown = f"--{name.replace('_', '-')}" if name in flags else f"SLUICEGATE_{name.upper()}"
    return f"{shown}: {fault['msg']}" + ("" if fault["type"] == "unfit" else f", not {fault['input']!r}")


def run(settings: KafkaSettings, body: Coroutine[Any, Any, T]) -> T:
    """Run what talks to Kafka; what can go wrong there becomes a Failure.

    Raises:
        Failure: no broker answers within `REACH_SECONDS`, a topic is missing or unfit, or Kafka refuses.
    """
    from aiokafka.errors import KafkaError

    from connectors.kafka.acl import AccessError
    from connectors.kafka.probe import UnreachableError
    from connectors.kafka.topic_reader import TopicsMissingError
    from streams.topics.creation import TopicsUnfitError

    log = logging.getLogger("aiokafka")
    before = log.level
    log.setLevel(logging.CRITICAL)  # what it has to say is said by us, in one line
    try:
        return asyncio.run(_reached(settings, body))
    except TopicsMissingError as error:
        raise Failure(f"{error}: run `sluicegate topics ensure`, or start a worker, which does it too") from None
    except (TopicsUnfitError, AccessError, UnreachableError) as error:
        raise Failure(str(error)) from None
    except TimeoutError as error:
        raise Failure(str(error) or f"Kafka at {settings.bootstrap} does not answer in time") from None
    except KafkaError as error:
        raise Failure(f"Kafka at {settings.bootstrap}: {str(error) or type(error).__name__}") from None
    finally:
        log.setLevel(before)
        body.close()


async def _reached(settings: KafkaSettings, body: Coroutine[Any, Any, T]) -> T:
    from connectors.kafka.probe import reach

    await reach(settings, timeout_s=REACH_SECONDS)
    return await body


def check_credentials(settings: KafkaSettings) -> None:
    """For what waits for a broker that is away: one that is there and does not want us will not want us later either.

    Raises:
        Failure: it does not take our credentials, or we not its certificate.
    """
    from connectors.kafka.probe import UnreachableError, reach

    log = logging.getLogger("aiokafka")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        asyncio.run(reach(settings, timeout_s=REACH_SECONDS))
    except UnreachableError as error:
        if error.refused:
            raise Failure(str(error)) from None
    finally:
        log.setLevel(before)


def kafka_settings(flags: Mapping[str, object]) -> KafkaSettings:
    """Where Kafka is, by flags and environment."""
    from connectors.kafka.clients import KafkaSettings

    return settings_from(KafkaSettings, flags)


def with_board(settings: KafkaSettings, body: Callable[[StatusView], Coroutine[Any, Any, T]], *orders: str) -> T:
    """Run `body` on a board that has read all there is; `orders` are the topics it writes to.

    Raises:
        Failure: see `run`, or what was ordered was not carried out.
    """
    from connectors.signing.keys import KeysError
    from streams.operator_client.errors import OrderError
    from streams.operator_client.status_view import StatusView

    async def opened() -> T:
        async with StatusView(settings, *orders) as board:
            return await body(board)

    try:
        return run(settings, opened())
    except OrderError as error:
        raise Failure(str(error)) from None
    except KeysError as error:
        raise Failure(str(error), WRONG_USE) from None


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


def print_json(document: object) -> None:
    """Print a document as one line of JSON."""
    from streams.journal import encode_document

    click.echo(encode_document(document))


def load_policy(file: str) -> Policy:
    """The policy in a file (- is standard input); its faults are printed, each with its line.

    Raises:
        Failure: it cannot be read (exit code 2) or has faults (1).
    """
    from connectors.policy_files import LARGEST_BYTES, PolicyFileError, load

    try:
        with click.open_file(file, "rb") as opened:
            text = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror or error}", WRONG_USE) from None
    try:
        return load(text, source=file)
    except PolicyFileError as error:
        raise Failure(f"{file} is no policy:\n{error}") from None
