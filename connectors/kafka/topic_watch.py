"""Notices that a topic was deleted and made again: its reader must begin at its beginning."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from aiokafka.errors import KafkaError

from connectors.error_text import text_of
from connectors.kafka.clients import KafkaSettings, admin
from connectors.kafka.stopping import stop_client
from connectors.kafka.topic_ids import NO_ID, topic_ids

ASK_S: Final = 1.0
"""How often to ask while no records come."""
WAIT_S: Final = 0.5
"""How long to wait for an answer: a broker that hangs must not hold up what other brokers answer."""
PATIENCE_S: Final = 5.0
"""How long to wait at the start."""

log = logging.getLogger(__name__)


class TopicWatch:
    """The ids of these topics, asked of the broker by a client of its own."""

    def __init__(self, settings: KafkaSettings, *topics: str) -> None:
        self._client = admin(settings)
        self._topics = topics
        self._ids: dict[str, str] = {}
        self._asked_at = float("-inf")

    async def start(self) -> None:
        """Connect, and learn the ids.

        Raises:
            TimeoutError, aiokafka.errors.KafkaError: the broker does not answer.
        """
        await self._client.start()
        await self._ask(PATIENCE_S)

    async def stop(self) -> None:
        """Disconnect."""
        await stop_client(self._client)

    def id_of(self, topic: str) -> str:
        """The id of a topic, as of the last answer; empty where the broker has none."""
        return self._ids.get(topic, NO_ID)

    async def made_again(self, *, fetched: bool) -> bool:
        """Whether a topic was made again, so that what was fetched may be of either. It asks if anything was `fetched`.

        Ids never come back: as long as one stays, all that was fetched before is of that topic. Without an answer the
        topics are taken for the same.
        """
        if not fetched and time.monotonic() - self._asked_at < ASK_S:
            return False
        try:
            changed = await self._ask(WAIT_S)
        except (KafkaError, TimeoutError) as error:
            log.debug("the ids of topics are not known: %s", text_of(error))
            return False
        for topic in sorted(changed):
            log.error("%s was made again: it is read from its beginning", topic)
        return bool(changed)

    async def _ask(self, wait_s: float) -> set[str]:
        self._asked_at = time.monotonic()
        async with asyncio.timeout(wait_s):
            found = await topic_ids(self._client, *self._topics)
        changed = {topic for topic, identity in found.items() if self._ids.get(topic, identity) != identity}
        self._ids |= found
        return changed
