"""Whether Faust's own consumer, which serves the agents, makes progress."""

from __future__ import annotations

import contextlib
from typing import Any

import faust
from aiokafka import TopicPartition
from faust.exceptions import ConsumerNotStarted

from connectors.kafka.consumer_progress import end_of
from connectors.kafka.private_aiokafka import group_error_of
from connectors.kafka.private_faust import aiokafka_consumer_of, check_version, committed_offset_of
from connectors.kafka.stalled_partitions import describe, stalled


class FaustProgress:
    """Watches the consumer of an app over time.

    A consumer without progress for more than `limit_ms` is not healthy: Kafka does not answer it, or an agent is stuck.

    Raises:
        FaustVersionError: the installed Faust is not one that this was checked with.
    """

    def __init__(self, app: faust.App, limit_ms: float) -> None:
        check_version()
        self._app = app
        self._limit_ms = limit_ms
        self._committed: dict[Any, tuple[int | None, float]] = {}

    def healthy(self, now: float) -> bool:
        """Whether each partition was fetched lately, and is either read to its end or further than a while ago.

        A stalled partition is left out: it is reported, and a restart would not help. `now` is in seconds of a clock
        that never goes back. Call this every few seconds.
        """
        # A list, so that every partition is looked at each time: a bad one must not hide the progress of the others.
        progress = [self._progresses(partition, now) for partition in self._app.consumer.assignment()]
        return all(progress)

    def raise_group_error(self) -> None:
        """Raise the error for which the app cannot be in its group: Faust waits for partitions, without noticing it."""
        with contextlib.suppress(ConsumerNotStarted):
            error = group_error_of(aiokafka_consumer_of(self._app))
            if error is not None:
                raise error

    @property
    def stalled(self) -> str:
        """The partitions that cannot be read, and why; empty if there are none."""
        assigned = self._app.consumer.assignment()
        return describe(stalled(aiokafka_consumer_of(self._app))) if assigned else ""

    def _progresses(self, partition: Any, now: float) -> bool:
        consumer, place = aiokafka_consumer_of(self._app), TopicPartition(partition.topic, partition.partition)
        if place in stalled(consumer):
            self._committed.pop(partition, None)
            return True
        end = end_of(consumer, place)
        committed = committed_offset_of(self._app, partition)
        before, since = self._committed.get(partition, (None, now))
        if end is None or committed != before or committed is None or committed >= end.offset:
            since = now
        self._committed[partition] = committed, since
        return end is not None and max(end.age_ms, (now - since) * 1000) <= self._limit_ms
