"""Consumers and producers of the model's broker, with the methods of aiokafka's that the services call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Protocol

from aiokafka import ConsumerRecord
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import RecordMetadata, TopicPartition

from connectors.kafka.clients import partition_for
from tests.model.broker import Broker, Headers, Log, Message, Place
from tests.model.process import Process

Batches = dict[Place, list[ConsumerRecord[bytes, bytes]]]


NO_ANSWER = 0.3
"""How often a topic's id is not learned while writes fail."""

LEAST_WAIT_S = 0.45
"""A fetch takes this long at least: fewer rounds take less time, and find more."""


class _Listener(Protocol):
    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None: ...

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None: ...


class FakeConsumer:
    """A consumer of one process, in a group or with partitions assigned by hand."""

    def __init__(
        self, process: Process, broker: Broker, group_id: str | None = None, auto_offset_reset: str = "earliest"
    ) -> None:
        self.process = process
        self.group = group_id
        self.topics: list[str] = []
        self._broker = broker
        self._reset = auto_offset_reset
        self._listener: _Listener | None = None
        self._positions: dict[Place, int | None] = {}
        self._paused: set[Place] = set()
        self._ends: dict[Place, tuple[int, float]] = {}
        self._known: dict[str, int] = {}

    def subscribe(self, topics: list[str], listener: _Listener | None = None) -> None:
        """Read these topics as a member of the group."""
        self.topics, self._listener = topics, listener

    def assign(self, places: Collection[TopicPartition]) -> None:
        """Read these partitions from their oldest records on."""
        self._positions = {Place(*place): self._broker.log(place).begins for place in places}

    async def start(self) -> None:
        """Join the group."""
        await self.process.step()
        self.learn_partitions()
        self._join()

    async def stop(self) -> None:
        """Leave the group."""
        self._broker.remove(self)

    def learn_partitions(self) -> None:
        """Refresh the metadata."""
        self._known = {topic: len(logs) for topic, logs in self._broker.logs.items()}

    def _join(self) -> None:
        if self.group is not None:
            self._broker.groups[self.group].members.append(self)
            self._broker.rebalance(self.group)

    def give(self, places: list[Place]) -> None:
        """Take over the partitions that the group gives to this member, and lose all others."""
        if self._listener is not None:
            self._listener.on_partitions_revoked(set(self._positions))
        committed = self._broker.groups[self.group or ""].committed
        self._paused.clear()
        self._ends.clear()
        self._positions = {place: committed.get(place) for place in places}
        for place in places:
            if self._positions[place] is None and self._reset == "earliest":
                self._positions[place] = self._broker.log(place).begins
        if self._listener is not None:
            self._listener.on_partitions_assigned(set(places))

    def assignment(self) -> set[Place]:
        """Return the partitions to read."""
        return set(self._positions)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return the partitions of the last metadata."""
        return set(range(self._known[topic])) if self._known.get(topic) else None

    def pause(self, *places: TopicPartition) -> None:
        """Fetch nothing of these."""
        self._paused |= {self._owned(place) for place in places}

    def resume(self, *places: TopicPartition) -> None:
        """Fetch these again."""
        self._paused -= {self._owned(place) for place in places}

    def paused(self) -> set[Place]:
        """Return what is paused."""
        return set(self._paused)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Go on at this offset."""
        self._positions[self._owned(place)] = offset

    def highwater(self, place: TopicPartition) -> int | None:
        """Return the end as of the last fetch."""
        return self._ends.get(Place(*place), (None, 0.0))[0]

    def last_poll_timestamp(self, place: TopicPartition) -> int:
        """Return when it was fetched (ms)."""
        return int(self._ends.get(Place(*place), (0, -1e6))[1] * 1000)

    async def position(self, place: TopicPartition) -> int:
        """Return the offset to fetch next."""
        position = self._positions[self._owned(place)]
        if position is None:
            await asyncio.sleep(1e6)
        return position or 0

    async def committed(self, place: TopicPartition) -> int | None:
        """Return the group's offset."""
        await self.process.step()
        return self.committed_now(place)

    def committed_now(self, place: TopicPartition) -> int | None:
        """Return the group's offset at once."""
        return self._broker.groups[self.group or ""].committed.get(Place(*place))

    async def beginning_offsets(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the oldest offsets."""
        await self.process.step()
        if any(self._is_away(self._broker.log(place)) for place in places):
            raise KafkaConnectionError("no leader")
        return {place: self._broker.log(place).begins for place in places}

    async def end_offsets(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offsets after the last."""
        await self.process.step()
        return {place: self._broker.log(place).end for place in places}

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit, as long as the partitions are ours."""
        await self.process.step()
        group = self._broker.groups[self.group or ""]
        if self not in group.members:
            raise CommitFailedError
        for place, offset in offsets.items():
            group.committed[self._owned(place)] = offset

    async def getmany(self, *, timeout_ms: float = 0, max_records: int = 500) -> Batches:
        """Return what has arrived; without anything, after about this time."""
        await self.process.step()
        if self.group is not None and self not in self._broker.groups[self.group].members:
            self._join()  # the process was suspended for longer than its session
        await asyncio.sleep(max(timeout_ms / 1000, LEAST_WAIT_S))
        return self._fetch(max_records)

    def _fetch(self, most: int) -> Batches:
        found: Batches = {}
        beyond: dict[Place, int] = {}
        for place, position in self._positions.items():
            log = self._broker.log(place)
            if place in self._paused or self._is_away(log):
                continue
            if position is None:
                raise NoOffsetForPartitionError(place)
            is_there = log.begins <= position <= log.end
            if not is_there and self._reset != "earliest":
                beyond[place] = position
                continue
            begin = position if is_there else log.begins
            self._ends[place] = log.end, self._broker.clock()
            records = log.read(begin, min(most, self._broker.rng.choice((2, 5, 1_000, 1_000, 1_000))))
            self._positions[place] = begin + len(records)
            if records:
                found[place] = records
        if beyond and not found:
            raise OffsetOutOfRangeError(beyond)
        return found

    def _owned(self, place: TopicPartition) -> Place:
        mine = Place(*place)
        if mine not in self._positions:
            raise IllegalStateError(f"{mine} is not assigned")
        return mine

    def _is_away(self, log: Log) -> bool:
        return log.away_until > self._broker.clock()


class FakeProducer:
    """A producer of one process. Within a partition it keeps the order, between partitions it does not."""

    def __init__(self, process: Process, broker: Broker) -> None:
        self._process = process
        self._broker = broker
        self._waiting: dict[Place, deque[tuple[Message, asyncio.Future[RecordMetadata]]]] = {}

    async def start(self) -> None:
        """Connect."""
        await self._process.step()

    async def stop(self) -> None:
        """Disconnect."""

    async def partitions_for(self, topic: str) -> set[int]:
        """Return the partitions of a topic."""
        await self._process.step()
        return set(range(len(self._broker.logs[topic])))

    async def send(
        self,
        topic: str,
        value: bytes,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Send a message; the future ends once the broker has acknowledged it."""
        await self._process.step()
        number = (
            partition_for((key or b"").decode(errors="replace"), len(self._broker.logs[topic]))
            if partition is None
            else partition
        )
        place, loop = Place(topic, number), asyncio.get_running_loop()
        acknowledged: asyncio.Future[RecordMetadata] = loop.create_future()
        waiting = self._waiting.setdefault(place, deque())
        waiting.append((Message(value, key, headers or ()), acknowledged))
        if len(waiting) == 1:
            if self._broker.rng.random() < self._broker.slow:
                loop.call_later(self._broker.rng.uniform(0.01, 0.9), self._deliver, place)
            else:
                self._deliver(place)
        return acknowledged

    async def send_and_wait(self, topic: str, value: bytes, **options: Any) -> RecordMetadata:
        """Send a message and wait for its acknowledgement."""
        return await (await self.send(topic, value, **options))

    def _deliver(self, place: Place) -> None:
        """Write what waits for a partition: now, once it is back, or never."""
        log, waiting = self._broker.log(place), self._waiting[place]
        if self._process.dead and self._broker.rng.random() < 0.5:
            waiting.clear()  # the process died with it
        if log.away_until > self._broker.clock() or self._process.suspended:
            asyncio.get_running_loop().call_later(0.5, self._deliver, place)
            return
        while waiting:
            message, acknowledged = waiting.popleft()
            accepted, offset = self._broker.write(log, message)
            if acknowledged.done():
                continue
            if accepted:
                now = self._broker.now_ms()  # the topics use LogAppendTime
                acknowledged.set_result(RecordMetadata(*place, place, offset, now, 1, 0))
            else:
                acknowledged.set_exception(KafkaConnectionError("not acknowledged"))


class FakeAdmin:
    """An admin client of one process."""

    def __init__(self, process: Process, broker: Broker) -> None:
        self._process = process
        self._broker = broker

    async def start(self) -> None:
        """Connect."""
        await self._process.step()

    async def close(self) -> None:
        """Disconnect."""

    async def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """Return the ids of these topics, or fail now and then while writes fail."""
        await self._process.step()
        if self._broker.trouble is not None and self._broker.rng.random() < NO_ANSWER:
            raise KafkaConnectionError("no answer")
        return {topic: self._broker.ids[topic] for topic in topics}


async def topic_ids(client: FakeAdmin, *topics: str) -> dict[str, str]:
    """As `connectors.kafka.topic_ids.topic_ids`."""
    return await client.topic_ids(topics)


async def read_to_end(
    process: Process, broker: Broker, topic: str, partitions: Collection[int] | None = None
) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    """As `connectors.kafka.topic_reader.read_to_end`."""
    for log in broker.logs[topic]:
        if partitions is not None and log.place.partition not in partitions:
            continue
        await process.step()
        if log.away_until > broker.clock():
            raise TimeoutError("no leader")
        for record in list(log.records):
            yield record
