"""The topics that are read: their partitions, their (rollout, cohort) pairs, and the events in a message."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from benchmarks.ingest.peers.task import Task
from connectors.kafka.topics import TopicNames


@dataclass(frozen=True)
class Case:
    """One topic."""

    partitions: int
    pairs: int
    per_message: int = 1

    @property
    def name(self) -> str:
        """Its name in the tables.

        >>> Case(12, 200, 500).name
        '12 partitions, 200 pairs, 500 events a message'
        """
        batched = f", {self.per_message} events a message" if self.per_message > 1 else ""
        return f"{self.partitions} partitions, {self.pairs} pairs{batched}"

    def messages(self, events: int) -> int:
        """How many messages each partition has if the topic has at most `events` events: at least one.

        >>> Case(4, 2).messages(4_000), Case(12, 200, 500).messages(4_000)
        (1000, 1)
        """
        return max(1, events // (self.partitions * self.per_message))


@dataclass(frozen=True)
class Filled:
    """A case's topics on a broker, filled with its events."""

    bootstrap: str
    prefix: str
    case: Case
    events: int

    @property
    def topics(self) -> TopicNames:
        """Their names."""
        return TopicNames(self.prefix)

    @property
    def results(self) -> str:
        """The topic for the peers' results."""
        return f"{self.prefix}results"

    def task(self, most: int, passes: int = 1) -> Task:
        """A task with a new consumer group: read all events, or about `most` if there are more, `passes` times."""
        case, group = self.case, f"{self.prefix}{uuid.uuid4().hex[:8]}"
        messages = case.messages(min(most, self.events))
        return Task(
            bootstrap=self.bootstrap,
            topic=self.topics.events,
            partitions=case.partitions,
            messages=messages,
            per_message=case.per_message,
            output=self.results,
            group=group,
            passes=passes,
        )
