"""The sequencer's Faust agents, one per topic: each message is verified, checked and appended to the journal.

An exception in an agent would lose the message. So each catches what a message can cause, sends a dead letter instead,
and tries again what the journal does not accept. Dead letters that are not accepted do not hold up the orders behind.

Faust delivers at least once; repeats have the same origin, by which the judge drops them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import faust
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from connectors.dead_letters import DeadLetter
from connectors.kafka.topic_reader import TopicsMissingError, partitions_of
from connectors.signing.keys import keyring
from connectors.signing.signatures import SignatureError
from streams.clock import wall_ms
from streams.journal import Ack, Control, Freeze, Origin, SequencedRecord, Start
from streams.runtime import failpoints, metrics
from streams.runtime.letter_box import LetterBox
from streams.runtime.settings import Settings
from streams.sequencer.messages import (
    LARGEST_MESSAGE,
    SIGNERS,
    MessageType,
    RecordRefusedError,
    journal_record,
    key_of,
    read_message,
)

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0

RAW: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
"""Options of topics whose bytes are ours to decode: a malformed message must reach the agent, not fail in Faust."""


class Sequencer:
    """Handles each message of the sequencer's topics."""

    def __init__(self, app: faust.App, settings: Settings, letters: LetterBox) -> None:
        self._settings = settings
        self._keys = keyring(settings, "gate")
        self._journal = app.topic(settings.topics.journal, **RAW)
        self._letters = letters

    async def handle(self, kind: MessageType, event: Any) -> None:
        """Append the message of a Faust event to the journal, or send it to the dead letters."""
        message, value = event.message, event.value or b""
        origin = Origin(message.topic, message.partition, message.offset)
        try:
            if len(value) > LARGEST_MESSAGE:  # before anything is computed from it
                raise RecordRefusedError("oversized", f"larger than {LARGEST_MESSAGE} bytes")
            verified = self._keys.verify(SIGNERS[kind], message.topic, value, _headers(message), wall_ms())
            record = read_message(kind, verified.value)
            places = await self._places(record)
            journaled = journal_record(record, origin, self._settings.timing, verified.seal, len(places))
        except (SignatureError, RecordRefusedError) as error:
            await self._refuse(origin, message.key, value, error)
            return
        except Exception as error:  # of any kind: one message must not end the agent, and the worker with it
            log.exception("%s %d@%d cannot be handled", origin.topic, origin.partition, origin.offset)
            await self._refuse(origin, message.key, value, RecordRefusedError("failed", repr(error)))
            return
        failpoints.reached("sequencer: verified")
        for partition in places:
            send = partial(self._journal.send, key=key_of(record), value=journaled, partition=partition)
            await send_until_accepted(send)
        failpoints.reached("sequencer: journaled")

    async def _places(self, record: SequencedRecord) -> Sequence[int | None]:
        """The journal partitions that the record is written to: a freeze to all, others where their key belongs."""
        if not isinstance(record, Freeze):
            return (None,)
        while True:
            try:
                return [each.partition for each in await partitions_of(self._settings, self._settings.topics.journal)]
            except (KafkaError, TopicsMissingError) as error:
                log.warning("the journal's partitions are unknown, next try in %g s: %s", RETRY_SECONDS, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _refuse(
        self, origin: Origin, key: bytes | None, value: bytes, error: SignatureError | RecordRefusedError
    ) -> None:
        log.warning(
            "%s partition %d, offset %d: message refused and sent to dead-letters (%s): %s",
            origin.topic,
            origin.partition,
            origin.offset,
            error.reason,
            error,
        )
        metrics.DEAD_LETTERS.labels(origin.topic, error.reason).inc()
        place = (origin.topic, origin.partition, origin.offset, 0)
        self._letters.put([DeadLetter(*place, error.reason, str(error), key, value)])
        await self._letters.settle()


def add_agents(app: faust.App, settings: Settings, letters: LetterBox) -> None:
    """Add an agent for each topic that operators and actuators write to; `letters` takes what they refuse.

    Raises:
        KeysError: the keys of the settings cannot be used.
    """
    sequencer, names = Sequencer(app, settings, letters), settings.topics

    def add(topic: str, kind: MessageType) -> None:
        async def agent(stream: Any) -> None:
            async for event in stream.events():
                await sequencer.handle(kind, event)

        app.agent(app.topic(topic, **RAW), name=f"sequencer.{kind.__name__.lower()}")(agent)

    add(names.policies, Start)
    add(names.controls, Control)
    add(names.acks, Ack)


async def send_until_accepted(send: Callable[[], Awaitable[Awaitable[object]]]) -> None:
    """Send until Kafka has accepted it: an agent that raised would lose the message, one that waits still has it."""
    while True:
        try:
            await (await send())
        except (KafkaError, ProducerSendError) as error:
            log.warning("Kafka did not accept a record, next try in %g s: %s", RETRY_SECONDS, error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def _headers(message: Any) -> list[tuple[str, bytes]]:
    """A Faust message's headers, which are pairs or a mapping, as pairs."""
    return list(dict(message.headers or ()).items())
