"""The sequencer's Faust agents, one per topic: each message is verified, checked and appended to the journal.

An exception in an agent would lose the message. So each catches what a message can cause, sends a dead letter instead,
and tries again what Kafka does not accept. Faust delivers at least once; repeats have the same origin, by which the
judge drops them.

Anybody who can write to these topics can write very many messages at once. What has arrived is looked at together, and
neither acks nor dead letters wait for Kafka one by one; each order does, as the next one may depend on it.

A journal partition without a leader accepts nothing for as long as it has none. So messages of other rollouts do not
wait for one that takes long, and each is acknowledged to Faust when it is journaled itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Final

import faust
from aiokafka.errors import KafkaError

from connectors.dead_letters import DeadLetter
from connectors.kafka.clients import partition_for
from connectors.kafka.topic_reader import TopicsMissingError, partitions_of
from connectors.signing.keys import keyring
from connectors.signing.signatures import SignatureError
from streams.clock import BrokerClock
from streams.journal import Ack, Control, Freeze, Origin, SequencedRecord, Start
from streams.runtime import failpoints, metrics
from streams.runtime.health import Pulse
from streams.runtime.log_limit import LogLimit
from streams.runtime.settings import Settings
from streams.sequencer.arrivals import arrived
from streams.sequencer.chains import WAIT_S, Chains
from streams.sequencer.delivery import RETRY_SECONDS, Delivery, partition_name
from streams.sequencer.messages import (
    LARGEST_MESSAGE,
    SIGNERS,
    MessageType,
    RecordRefusedError,
    journal_record,
    key_of,
    read_message,
)
from streams.sequencer.order_topics import OrderTopics

log = logging.getLogger(__name__)

_refusals: Final = LogLimit()

RAW: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
"""Options of topics whose bytes are ours to decode: a malformed message must reach the agent, not fail in Faust."""


class Sequencer:
    """Handles each message of the sequencer's topics."""

    def __init__(
        self,
        app: faust.App,
        settings: Settings,
        topics: OrderTopics,
        pulse: Pulse,
        broker_clock: BrokerClock | None = None,
    ) -> None:
        self._clock = BrokerClock() if broker_clock is None else broker_clock
        self._topics = topics
        self._delivery = Delivery(pulse)
        names = settings.topics
        self._settings = settings
        self._keys = keyring(settings, "gate")
        self._output = {name: app.topic(name, **RAW) for name in (names.journal, names.dead_letters)}
        self._chains = Chains()
        self._finishing: set[asyncio.Task[None]] = set()
        self.waiting: Counter[tuple[str, int]] = Counter()

    async def take(self, kind: MessageType, event: Any) -> None:
        """Handle a message, and acknowledge it once everything is accepted, which may be later."""
        tasks = await self.handle(kind, event)
        if tasks is None:
            return
        unfinished = [task for task in tasks if not task.done()]
        for task in set(tasks) - set(unfinished):
            task.result()
        if not unfinished:
            event.ack()
            return
        finishing = asyncio.create_task(self._finish(event, unfinished))
        self._finishing.add(finishing)
        finishing.add_done_callback(self._finishing.discard)
        await asyncio.sleep(0)  # others have their turn

    async def _finish(self, event: Any, tasks: Sequence[asyncio.Task[None]]) -> None:
        place = event.message.topic, event.message.partition
        self.waiting[place] += 1
        try:
            _, late = await asyncio.wait(tasks, timeout=WAIT_S)
            if late:
                log.warning("%s partition %d, offset %d: Kafka takes long to accept it", *place, event.message.offset)
            await asyncio.gather(*tasks)
            event.ack()
        except Exception:  # a fault of ours: without the ack nothing after it is committed, and health shows that
            log.exception("%s partition %d, offset %d cannot be journaled", *place, event.message.offset)
        finally:
            self.waiting[place] -= 1

    async def handle(self, kind: MessageType, event: Any) -> list[asyncio.Task[None]] | None:
        """Append the message of a Faust event to the journal, or send it to the dead letters.

        Returns the tasks that do this; those that take long go on. Returns None for a message of a topic that was just
        made again: it is not handled, and comes again.
        """
        message, value = event.message, event.value or b""
        place = message.topic, message.partition, message.offset
        identity = await self._topics.identity(*place)
        if identity is None:
            return None
        origin = Origin(*place, identity)
        try:
            if len(value) > LARGEST_MESSAGE:  # before anything is computed from it
                raise RecordRefusedError("oversized", f"larger than {LARGEST_MESSAGE} bytes")
            now = self._clock.now().agreed
            verified = self._keys.verify(SIGNERS[kind], message.topic, value, _headers(message), now)
            record = read_message(kind, verified.value)
            places = await self._places(record)
            journaled = journal_record(record, origin, self._settings.timing, verified.seal, len(places), now)
        except (SignatureError, RecordRefusedError) as error:
            return [await self._refuse(origin, message.key, value, error)]
        except Exception as error:  # of any kind: one message must not end the agent, and the worker with it
            log.exception("%s %d@%d cannot be handled", origin.topic, origin.partition, origin.offset)
            return [await self._refuse(origin, message.key, value, RecordRefusedError("failed", repr(error)))]
        failpoints.reached("sequencer: verified")
        key = key_of(record)
        # Acks are many, and those of different rollouts in any order have the same effect.
        do = self._chains.begin if kind is Ack else self._chains.run
        return [await do((key, partition), partial(self._append, key, journaled, partition)) for partition in places]

    async def _append(self, key: bytes | None, journaled: bytes, partition: int | None) -> None:
        topic = self._settings.topics.journal
        place = topic if partition is None else partition_name(topic, partition)
        await self._delivery.send(
            place, partial(self._output[topic].send, key=key, value=journaled, partition=partition)
        )
        failpoints.reached("sequencer: journaled")

    async def _places(self, record: SequencedRecord) -> Sequence[int | None]:
        """The journal partitions that the record is written to: a freeze to all, others where their key belongs."""
        if not isinstance(record, Freeze):
            used = self._settings.used_partitions
            return (None if used is None else partition_for(record.rollout, used),)
        while True:
            try:
                found = await partitions_of(self._settings, self._settings.topics.journal)
                return self._settings.journal_partitions(each.partition for each in found)
            except (KafkaError, TopicsMissingError) as error:
                log.warning("the journal's partitions are unknown, next try in %g s: %s", RETRY_SECONDS, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _refuse(
        self, origin: Origin, key: bytes | None, value: bytes, error: SignatureError | RecordRefusedError
    ) -> asyncio.Task[None]:
        if number := _refusals.due((origin.topic, error.reason)):
            log.warning(
                "%s partition %d, offset %d: message refused and sent to dead-letters (%s): %s%s",
                origin.topic,
                origin.partition,
                origin.offset,
                error.reason,
                error,
                f"; {number:,} with this reason since the last such line" if number > 1 else "",
            )
        metrics.DEAD_LETTERS.labels(origin.topic, error.reason).inc()
        place = (origin.topic, origin.partition, origin.offset, 0)
        letter = DeadLetter(*place, error.reason, str(error), key, value, topic_id=origin.topic_id)
        topic = self._settings.topics.dead_letters
        send = partial(self._output[topic].send, key=letter.key, value=letter.body(), headers=letter.headers())
        # Nothing waits for a letter, and they have no order: very many must not hold up what can be read.
        return await self._chains.begin(object(), partial(self._delivery.send, topic, send))


def add_agents(
    app: faust.App, settings: Settings, topics: OrderTopics, pulse: Pulse, broker_clock: BrokerClock
) -> Mapping[tuple[str, int], int]:
    """Add an agent for each topic that operators and actuators write to.

    Returns how many messages of each of their partitions wait until Kafka accepts what is made of them.

    Raises:
        KeysError: the keys of the settings cannot be used.
    """
    names = settings.topics
    sequencer = Sequencer(app, settings, topics, pulse, broker_clock)

    def add(topic: str, kind: MessageType) -> None:
        async def agent(stream: Any) -> None:
            async with aclosing(arrived(stream.noack().events())) as arrivals:
                async for events in arrivals:
                    await topics.ask_anew()
                    for event in events:
                        await sequencer.take(kind, event)

        app.agent(app.topic(topic, **RAW), name=f"sequencer.{kind.__name__.lower()}")(agent)

    add(names.policies, Start)
    add(names.controls, Control)
    add(names.acks, Ack)
    return sequencer.waiting


def _headers(message: Any) -> list[tuple[str, bytes]]:
    """A Faust message's headers, which are pairs or a mapping, as pairs."""
    return list(dict(message.headers or ()).items())
