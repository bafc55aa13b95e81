"""Which topic ingest reads: one that was deleted and made again has other events at the same offsets."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from connectors.error_text import text_of
from connectors.kafka import clients
from connectors.kafka.stopping import stop_client
from connectors.kafka.topic_ids import topic_ids

ASK_S: Final = 0.5
"""How long to wait for an answer before a flush: a broker that hangs must not hold up the counts for long."""

log = logging.getLogger(__name__)


class SourceTopic:
    """The identity of a topic by its name, asked of the broker."""

    def __init__(self, settings: clients.KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic

    async def start(self) -> None:
        """Connect."""
        self._client = clients.admin(self._settings)
        await self._client.start()

    async def stop(self) -> None:
        """Disconnect."""
        await stop_client(self._client)

    async def identity(self) -> str:
        """The topic's id; empty where the broker has none.

        Raises:
            TimeoutError, aiokafka.errors.KafkaError: the broker does not answer, or has no such topic.
        """
        async with asyncio.timeout(ASK_S):
            found = await topic_ids(self._client, self._topic)
        if self._topic not in found:
            raise UnknownTopicOrPartitionError(self._topic)
        return found[self._topic]

    async def identity_or_none(self) -> str | None:
        """The topic's id, or None if that cannot be learned now."""
        try:
            return await self.identity()
        except (KafkaError, TimeoutError) as error:
            log.debug("the id of %s is not known: %s", self._topic, text_of(error))
            return None
