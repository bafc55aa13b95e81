"""The installation of one schedule: the broker, and the processes that run the real services on it."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.structs import TopicPartition

from connectors.actuators.wanted import Wanted
from streams.journal import Ack, Control, Start
from streams.runtime.settings import Settings
from streams.sequencer.messages import MessageType
from tests.model.broker import Broker
from tests.model.clients import FakeAdmin, FakeConsumer, FakeProducer, read_to_end
from tests.model.loop import VirtualLoop
from tests.model.process import Process

EPOCH = 1_767_225_600_000
SETTINGS = Settings(
    flush_interval_ms=1_000,
    snapshot_interval_ms=2_000,
    out_of_orderness_ms=500,
    idle_timeout_ms=1_500,
    stall_timeout_ms=4_000,
)
TOPICS = SETTINGS.topics
SOURCES: dict[str, MessageType] = {TOPICS.policies: Start, TOPICS.controls: Control, TOPICS.acks: Ack}
ALL_TOPICS = (
    *SOURCES,
    TOPICS.events,
    TOPICS.journal,
    TOPICS.snapshots,
    TOPICS.decisions,
    TOPICS.commands,
    TOPICS.status,
    TOPICS.dead_letters,
)
SESSION_S = 1.5
Role = Callable[["World", Process], Coroutine[Any, Any, None]]


def nothing() -> None:
    """Do nothing."""


class World:
    """One installation, whose every choice comes from its seed. `escaped` are exceptions that ended a process."""

    def __init__(self, seed: int, roles: Mapping[str, Role]) -> None:
        self.rng = random.Random(seed)
        self.loop = VirtualLoop()
        self.broker = Broker(self.rng, EPOCH, self.loop.time)
        self.escaped: list[BaseException] = []
        self.processes: list[Process] = []
        self.applied: list[Wanted] = []
        self.lasting_router = self.rng.random() < 0.5
        self.roles = roles
        self.calm = False
        self.unnoticed_until = 0.0  # of partitions that were added
        self.start_again: Callable[[], None] = nothing  # what operators do whose orders were lost
        self._numbers = itertools.count(1)
        journal = self.rng.choice((1, 2))
        partitions = {TOPICS.events: 2, TOPICS.journal: journal, TOPICS.snapshots: journal}
        for topic in ALL_TOPICS:
            self.broker.create(topic, partitions.get(topic, 1))

    def process(self, name: str) -> Process:
        """Return a process by its name."""
        return next(each for each in reversed(self.processes) if each.name == name)

    def alive(self, role: str) -> list[Process]:
        """Return the processes of a role."""
        return [each for each in self.processes if each.role == role and not each.dead]

    @property
    def complete(self) -> bool:
        """Whether a process of each role runs, and none is suspended."""
        running = [process for process in self.processes if not process.dead]
        return not any(process.suspended for process in running) and {each.role for each in running} == set(self.roles)

    def begin(self, role: str) -> Process:
        """Start a process."""
        process = Process(f"{role}-{next(self._numbers)}", role, self.rng)
        self.processes.append(process)
        process.task = self.loop.create_task(self._run(process))
        return process

    async def _run(self, process: Process) -> None:
        try:
            await self.roles[process.role](self, process)
        except Exception as error:  # an exception of any kind is what the model looks for
            self.escaped.append(error)
            self.crash(process, 1.0)

    def crash(self, process: Process, away_s: float) -> None:
        """End a process at once, and start another after this time."""
        if process.dead:
            return
        process.die()
        self.loop.call_later(self.rng.choice((0.0, SESSION_S)), self.forget, process)
        self.loop.call_later(away_s, self.begin, process.role)

    def suspend(self, process: Process, away_s: float) -> None:
        """Suspend a process for this time; beyond its session others have its partitions meanwhile."""
        process.suspend()
        if away_s > SESSION_S:
            self.loop.call_later(SESSION_S, self.forget, process)
        self.loop.call_later(away_s, process.go_on)

    def forget(self, process: Process) -> None:
        """Give the partitions of a process that does not answer to others."""
        if process.dead or process.suspended:
            for group in list(self.broker.groups.values()):
                for member in [member for member in group.members if member.process is process]:
                    self.broker.remove(member)

    def consumer(self, settings: Settings, *topics: str, **options: Any) -> FakeConsumer:
        """Return a consumer of the process that the settings name, as `connectors.kafka.clients.consumer`."""
        chosen = {name: options[name] for name in ("group_id", "auto_offset_reset") if name in options}
        return FakeConsumer(self.process(settings.worker_id), self.broker, **chosen)

    def producer(self, settings: Settings, **_options: Any) -> FakeProducer:
        """Return a producer of the process that the settings name, as `connectors.kafka.clients.producer`."""
        return FakeProducer(self.process(settings.worker_id), self.broker)

    def admin(self, settings: Settings) -> FakeAdmin:
        """Return an admin client, as `connectors.kafka.clients.admin`."""
        return FakeAdmin(self.process(settings.worker_id), self.broker)

    def read_to_end(
        self, settings: Settings, topic: str, partitions: Collection[int] | None = None, **_options: Any
    ) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
        """As `connectors.kafka.topic_reader.read_to_end`."""
        return read_to_end(self.process(settings.worker_id), self.broker, topic, partitions)

    async def partitions_of(self, settings: Settings, *topics: str) -> list[TopicPartition]:
        """As `connectors.kafka.topic_reader.partitions_of`."""
        await self.process(settings.worker_id).step()
        return [log.place for topic in topics for log in self.broker.logs[topic]]
