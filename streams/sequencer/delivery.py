"""Sends each record until Kafka accepts it, and shows by health which topic or partition does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from streams.runtime.health import Pulse
from streams.runtime.outbox import SLOW_SECONDS

RETRY_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


def show(pulse: Pulse, place: str, why: str) -> None:
    """Show by health that a topic or partition accepts nothing; with an empty reason, that it does again."""
    if why:
        pulse.topics[place] = f"{place} does not accept messages ({why})"
    else:
        pulse.topics.pop(place, None)


def partition_name(topic: str, partition: int) -> str:
    """How a partition is named in health and log.

    >>> partition_name("gate-journal", 1)
    'gate-journal partition 1'
    """
    return f"{topic} partition {partition}"


class Delivery:
    """The records of one role that are on their way, each to a place: a topic, or a partition of it."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse

    async def send(self, place: str, send: Callable[[], Awaitable[Awaitable[object]]]) -> None:
        """Send until Kafka has accepted it: an agent that raised would lose the message, one that waits still has it.

        `send` gives what to await for Kafka's answer.
        """
        slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, show, self._pulse, place, "it does not answer")
        try:
            while True:
                if await self._try(place, send):
                    break
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            slow.cancel()
        show(self._pulse, place, "")  # others on their way to it will be accepted too, or show that they are not

    async def _try(self, place: str, send: Callable[[], Awaitable[Awaitable[object]]]) -> bool:
        try:
            await (await send())
        except (KafkaError, ProducerSendError) as error:
            log.warning("%s did not accept a record, next try in %g s: %s", place, RETRY_SECONDS, error)
            show(self._pulse, place, type(error).__name__)
            return False
        return True
