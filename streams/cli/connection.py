"""Running what talks to Kafka: the connection is tried first, and what goes wrong becomes one line."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from streams.cli.configuration import kafka_settings
from streams.cli.failures import WRONG_USE, Failure

if TYPE_CHECKING:
    from connectors.kafka.clients import KafkaSettings
    from streams.operator_client import Board

T = TypeVar("T")

REACH_SECONDS = 10.0
"""How long a command tries to reach a broker before it reports that none answers."""


def run_with_kafka(settings: KafkaSettings, body: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that talks to Kafka.

    Raises:
        Failure: no broker answers within `REACH_SECONDS`, a topic is missing or unfit, or Kafka refuses.
    """
    from aiokafka.errors import KafkaError

    from connectors.kafka.acl import AccessError
    from connectors.kafka.probe import UnreachableError
    from connectors.kafka.topic_reader import TopicsMissingError
    from streams.topics import TopicsUnfitError

    with _quiet_client():
        try:
            return asyncio.run(_after_reaching(settings, body))
        except TopicsMissingError as error:
            raise Failure(f"{error}: run `sluicegate topics ensure`, or start a worker, which creates them") from None
        except (TopicsUnfitError, AccessError, UnreachableError) as error:
            raise Failure(str(error)) from None
        except TimeoutError as error:
            raise Failure(str(error) or f"Kafka at {settings.bootstrap} did not answer in time") from None
        except KafkaError as error:
            raise Failure(f"Kafka at {settings.bootstrap}: {str(error) or type(error).__name__}") from None
        finally:
            body.close()  # a coroutine that never began would warn


async def _after_reaching(settings: KafkaSettings, body: Coroutine[Any, Any, T]) -> T:
    from connectors.kafka.probe import reach

    await reach(settings, timeout_s=REACH_SECONDS)
    return await body


@contextlib.contextmanager
def _quiet_client() -> Iterator[None]:
    """Silence aiokafka's log: the command prints the error itself, in one line."""
    log = logging.getLogger("aiokafka")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def check_credentials(settings: KafkaSettings) -> None:
    """Fail now where a broker answers and refuses; used by processes that wait for a broker that does not answer.

    A broker that is away may come back; one that refuses our credentials, or whose certificate we refuse, will do so
    again, so waiting would hide the fault.

    Raises:
        Failure: a broker refuses our credentials, or we refuse its certificate.
    """
    from connectors.kafka.probe import UnreachableError, reach

    with _quiet_client():
        try:
            asyncio.run(reach(settings, timeout_s=REACH_SECONDS))
        except UnreachableError as error:
            if error.refused:
                raise Failure(str(error)) from None


def with_status_view(settings: KafkaSettings, body: Callable[[Board], Coroutine[Any, Any, T]], *orders: str) -> T:
    """Run `body` on a view of statuses and decisions that is read to the end; it writes to the topics `orders`.

    Raises:
        Failure: see `run_with_kafka`, or an order was not carried out.
    """
    from connectors.signing.keys import KeysError
    from streams.operator_client import Board, OrderError

    async def opened() -> T:
        async with Board(settings, *orders) as view:
            return await body(view)

    try:
        return run_with_kafka(settings, opened())
    except OrderError as error:
        raise Failure(str(error)) from None
    except KeysError as error:
        raise Failure(str(error), WRONG_USE) from None


def read_status_view(flags: Mapping[str, object]) -> Board:
    """Statuses and decisions as of now; the connection is closed again."""

    async def unchanged(view: Board) -> Board:
        return view

    return with_status_view(kafka_settings(flags), unchanged)
