"""A Faust app of the model, as far as the sequencer uses one: what it delivers, drops and commits."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import TopicPartition

from tests.model.broker import Place
from tests.model.clients import FakeConsumer, FakeProducer

Found = list[tuple[Place, "Event"]]


@dataclass(frozen=True)
class AppMessage:
    """A message as Faust gives it to an agent."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Collection[tuple[str, bytes]]


@dataclass(frozen=True)
class Event:
    """A message, and what acknowledges it."""

    message: AppMessage
    value: bytes | None
    ack: Callable[[], None]


@dataclass
class _Place:
    """A partition: the offset read last, the one committed last, and those that are acknowledged beyond it."""

    read: int = -1
    committed: int | None = None
    acked: set[int] = field(default_factory=set)


class AppTopic:
    """A topic of an app."""

    def __init__(self, producer: FakeProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def send(self, **options: Any) -> asyncio.Future[Any]:
        """Send a message."""
        return await self._producer.send(self._topic, **options)


class AppConsumer:
    """The consumer of an app. It drops what has a lower offset than what it has read, and commits no lower offset."""

    def __init__(self, consumer: FakeConsumer) -> None:
        self._consumer = consumer
        self._places: defaultdict[Place, _Place] = defaultdict(_Place)

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Forget all: others read it from what is committed."""
        for place in revoked:
            self._places.pop(Place(*place), None)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin at what is committed."""
        for place in assigned:
            found = self._places[Place(*place)] = _Place()
            found.committed = self._consumer.committed_now(place)
            found.read = found.committed or -1

    def assignment(self) -> set[Place]:
        """Return the partitions to read, in one order for a seed."""
        return self._consumer.assignment()

    async def seek(self, place: TopicPartition, offset: int) -> None:
        """Read a partition again."""
        await self._consumer.process.step()
        with suppress(IllegalStateError):
            self._consumer.seek(place, offset)
            self._places[Place(*place)].read = offset or -1

    @property
    def _committed_offset(self) -> dict[Place, int | None]:
        return {place: found.committed for place, found in self._places.items()}

    async def take(self) -> Found:
        """Return what has arrived."""
        found: Found = []
        for place, records in (await self._consumer.getmany(timeout_ms=400)).items():
            for record in records:
                known = self._places[place]
                if record.offset >= known.read:
                    known.read = record.offset
                    found.append((place, _event(known, record)))
        return found

    async def commit(self) -> None:
        """Commit what is acknowledged without a gap."""
        due: dict[TopicPartition, int] = {}
        for place, known in self._places.items():
            if not known.acked:
                continue
            first = min(known.acked)
            if known.committed and first > known.committed:
                continue
            upto = first
            while upto in known.acked:
                known.acked.discard(upto)
                upto += 1
            if known.committed is None or upto > known.committed:
                due[place] = known.committed = upto
        if due:
            with suppress(CommitFailedError, IllegalStateError):
                await self._consumer.commit(due)


def _event(known: _Place, record: ConsumerRecord[bytes, bytes]) -> Event:
    def ack() -> None:
        if known.committed is None or record.offset >= known.committed:
            known.acked.add(record.offset)

    message = AppMessage(record.topic, record.partition, record.offset, record.key, record.headers)
    return Event(message, record.value, ack)


class FakeApp:
    """What the sequencer uses of an app."""

    def __init__(self, consumer: FakeConsumer, producer: FakeProducer) -> None:
        self.consumer = AppConsumer(consumer)
        self._producer = producer

    def topic(self, name: str, **_options: Any) -> AppTopic:
        """Return a topic to send to."""
        return AppTopic(self._producer, name)
