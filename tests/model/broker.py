"""A Kafka in memory, as far as the model needs it: logs, groups, and what goes wrong with them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from aiokafka import ConsumerRecord
from aiokafka.structs import TopicPartition

if TYPE_CHECKING:
    from tests.model.clients import FakeConsumer

Headers = Iterable[tuple[str, bytes]]


@cache
def _number_of(topic: str) -> int:
    return crc32(topic.encode())


class Place(TopicPartition):  # type: ignore[misc]  # aiokafka.structs is untyped
    """A partition. Its hash is the same in each process, so that sets of them have one order for a seed."""

    __slots__ = ()

    def __hash__(self) -> int:
        return _number_of(self.topic) + int(self.partition)


class Message(NamedTuple):
    """What a producer sends."""

    value: bytes
    key: bytes | None = None
    headers: Headers = ()


@dataclass
class Log:
    """One partition; its oldest record has the offset `begins`. Nothing can be read or written before `away_until`."""

    place: Place
    begins: int = 0
    records: list[ConsumerRecord[bytes, bytes]] = field(default_factory=list)
    away_until: float = 0.0

    @property
    def end(self) -> int:
        """The offset after the last."""
        return self.begins + len(self.records)

    def append(self, message: Message, now_ms: int) -> int:
        """Add a record; returns its offset."""
        where = (self.place.topic, self.place.partition, self.end, now_ms, 0)
        self.records.append(ConsumerRecord(*where, message.key, message.value, None, 0, 0, tuple(message.headers)))
        return self.end - 1

    def delete_before(self, offset: int) -> None:
        """Delete the oldest records, as retention does."""
        del self.records[: max(0, offset - self.begins)]
        self.begins = max(self.begins, offset)

    def read(self, offset: int, most: int) -> list[ConsumerRecord[bytes, bytes]]:
        """Return records from an offset on."""
        return self.records[offset - self.begins : offset - self.begins + most]


@dataclass
class Group:
    """A consumer group: what it committed, and who is in it."""

    committed: dict[Place, int] = field(default_factory=dict)
    members: list[FakeConsumer] = field(default_factory=list)
    rebalances: int = 0


@dataclass
class Trouble:
    """How often writes to some topics fail: `refused`, written although they fail (`lost`), or written `twice`."""

    topics: frozenset[str]
    refused: float = 0.0
    lost: float = 0.0
    twice: float = 0.0


class Broker:
    """All topics and groups. `clock` returns the time in seconds since `epoch` (milliseconds)."""

    def __init__(self, rng: random.Random, epoch: int, clock: Callable[[], float]) -> None:
        self.rng = rng
        self.clock = clock
        self.logs: dict[str, list[Log]] = {}
        self.groups: defaultdict[str, Group] = defaultdict(Group)
        self.trouble: Trouble | None = None
        self.slow = 0.0
        self.ids: dict[str, str] = {}
        self._epoch = epoch

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._epoch + round(self.clock() * 1000)

    def create(self, topic: str, partitions: int) -> None:
        """Create a topic, or add partitions to it."""
        logs = self.logs.setdefault(topic, [])
        self.ids.setdefault(topic, f"{topic}-1")
        logs += [Log(Place(topic, number)) for number in range(len(logs), partitions)]

    def recreate(self, topic: str) -> None:
        """Delete a topic and create it again: its offsets begin at zero, and its id is another one."""
        name, _, number = self.ids[topic].rpartition("-")
        self.ids[topic] = f"{name}-{int(number) + 1}"
        self.logs[topic] = [Log(log.place) for log in self.logs[topic]]
        for group in self.groups.values():  # Kafka deletes these, too, but a worker may commit once more
            for log in self.logs[topic]:
                group.committed.pop(log.place, None)

    def log(self, place: TopicPartition) -> Log:
        """Return the log of a partition."""
        topic, partition = place
        found: Log = self.logs[topic][partition]
        return found

    def records(self, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
        """Return all records of a topic that there are, partition by partition."""
        return [record for log in self.logs[topic] for record in log.records]

    def write(self, log: Log, message: Message) -> tuple[bool, int]:
        """Write as a producer does, in trouble or not; returns whether it is acknowledged, and the offset."""
        trouble = self.trouble
        if trouble is None or log.place.topic not in trouble.topics:
            return True, log.append(message, self.now_ms())
        chance = self.rng.random()
        if chance < trouble.refused:
            return False, -1
        offset = log.append(message, self.now_ms())
        if chance < trouble.refused + trouble.lost:
            return False, offset
        if self.rng.random() < trouble.twice:
            log.append(message, self.now_ms())
        return True, offset

    def rebalance(self, name: str) -> None:
        """Give the partitions of a group to its members again."""
        group = self.groups[name]
        group.rebalances += 1
        if not group.members:
            return
        topics = sorted({topic for member in group.members for topic in member.topics})
        places = [log.place for topic in topics for log in self.logs[topic]]
        start = group.rebalances % len(group.members)
        order = group.members[start:] + group.members[:start]
        for number, member in enumerate(order):
            member.give([place for at, place in enumerate(places) if at % len(order) == number])

    def remove(self, member: FakeConsumer) -> None:
        """Remove a member from its group, as after a session without a heartbeat."""
        if member.group is not None and member in self.groups[member.group].members:
            self.groups[member.group].members.remove(member)
            self.rebalance(member.group)
