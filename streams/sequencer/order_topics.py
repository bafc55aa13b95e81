"""Which topic an order or ack is from: one that was deleted and made again has other messages at the same offsets.

The id of each topic is asked for after a message has arrived, and once a second: an id never comes back, so a message
is of the topic that is known if its id has not changed since. Faust drops messages with offsets that it has read
before, so where an id changes its consumer is sent back to the beginning. Of which topic the messages are that come
before those from the beginning is not known. They are passed over: what the new topic has comes again, and what was
not read of the topic before is lost with it. Otherwise an order of the new topic could have an effect twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import faust
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from mode import Service

from connectors.error_text import text_of
from connectors.kafka import clients
from connectors.kafka.private_faust import committed_offset_of
from connectors.kafka.stopping import stop_client
from connectors.kafka.topic_ids import topic_ids
from streams.runtime.settings import Settings
from streams.topic_identity import is_same, joined

ASK_SECONDS: Final = 1.0

MOST_UNANSWERED: Final = 10
"""After as many questions without an answer, messages do not wait for one: each would take `ASK_SECONDS`. A single one
proves nothing: a process that was suspended has an old question that is not answered any more."""


@dataclass(slots=True)
class _Place:
    """The topic that a partition's messages are from at present, and the offset of the last one."""

    identity: str
    last: int


class OrderTopics(Service):
    """The identities of the topics that Faust's consumer reads."""

    def __init__(
        self, settings: Settings, app: faust.App, topics: Collection[str] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._settings = settings
        self._app = app
        names = settings.topics
        self._topics = topics or (names.policies, names.controls, names.acks)
        self._identities: dict[str, str] = {}
        self._places: dict[tuple[str, int], _Place] = {}
        self._client: AIOKafkaAdminClient | None = None
        self._known = asyncio.Event()
        self._asking = asyncio.Lock()
        self._asked = 0
        self._unanswered = 0

    async def on_start(self) -> None:
        """Connect."""
        client = clients.admin(self._settings)
        self.async_exit_stack.push_async_callback(stop_client, client)  # also if the start fails
        await client.start()
        self._client = client

    async def identity(self, topic: str, partition: int, offset: int) -> str | None:
        """The identity of the topic that this message is from; call it once for each, in order, after `ask_anew`.

        It is None while the topic changes: the message is not to be handled; if it is still there, it comes again.
        """
        await self._known.wait()
        present = self._identities.get(topic, "")
        place = self._places.setdefault((topic, partition), _Place(present, -1))
        known, came_again = is_same(place.identity, present), offset <= place.last
        place.last = offset
        if not known and not came_again:
            return None
        place.identity = joined(place.identity, present) if known else present
        return place.identity

    @Service.timer(ASK_SECONDS)
    async def _watch(self) -> None:
        await self.ask()

    async def ask_anew(self) -> None:
        """Ask which topics the messages are from that have arrived, unless too many questions were not answered."""
        if self._unanswered < MOST_UNANSWERED:
            await self._ask_anew()

    async def _ask_anew(self) -> None:
        """Wait for the answer to a question that is asked from now on; several that wait share it."""
        due = self._asked + 1
        async with self._asking:
            if self._asked < due:
                await self._ask()

    async def ask(self) -> None:
        """Learn the present ids; where one has changed, read the topic from its beginning."""
        async with self._asking:  # an old answer must not come after a newer one
            await self._ask()

    async def _ask(self) -> None:
        if self._client is None:
            return  # Faust gives the first messages while this still connects: they wait for the first answer
        self._asked += 1
        try:
            async with asyncio.timeout(ASK_SECONDS):
                found = await topic_ids(self._client, *self._topics)
        except (KafkaError, TimeoutError) as error:
            self.log.debug("the ids of the topics are not known: %s", text_of(error))
            self._unanswered += 1
            return
        self._unanswered = 0
        for topic, identity in found.items():
            before = self._identities.get(topic, identity)
            self._identities[topic] = identity
            if not is_same(before, identity):
                self.log.error("%s was made again: what was not read of it before is lost", topic)
                self._expect(topic, before)
        self._known.set()
        await self._read_again()

    def _expect(self, topic: str, before: str) -> None:
        """Note where the messages of the topic before end, in partitions that had none in this process."""
        for partition in self._app.consumer.assignment():
            if partition.topic == topic:
                last = (committed_offset_of(self._app, partition) or 0) - 1
                self._places.setdefault((topic, partition.partition), _Place(before, last))

    async def _read_again(self) -> None:
        """Read partitions of topics that were made again from their beginnings, until their messages come."""
        due = {place for place, of in self._places.items() if not is_same(of.identity, self._identities[place[0]])}
        if due:
            for partition in self._app.consumer.assignment():
                if (partition.topic, partition.partition) in due:
                    await self._app.consumer.seek(partition, 0)
