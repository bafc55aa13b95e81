"""Whether Faust's own consumer, which serves the agents, makes progress."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

import faust
from aiokafka import TopicPartition
from faust.exceptions import ConsumerNotStarted

from connectors.kafka.consumer_progress import End, answered, end_of
from connectors.kafka.private_faust import aiokafka_consumer_of, check_version, committed_offset_of, has_unfinished
from connectors.kafka.private_fetches import group_error_of, readable_end, state_of
from connectors.kafka.stalled_partitions import describe, stalled

NONE_WAITING: Final[Mapping[tuple[str, int], int]] = {}


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

    @property
    def partitions(self) -> int:
        """The number of partitions that the app's consumer has."""
        return len(self._app.consumer.assignment())

    def healthy(self, now: float, waiting: Mapping[tuple[str, int], int] = NONE_WAITING) -> bool:
        """Whether each partition was fetched lately, and is either read to its end or further than a while ago.

        A stalled partition is left out: it is reported, and a restart would not help.
        Without any the consumer must have started, and its group must have answered lately.
        `now` is in seconds of a clock that never goes back. Call this every few seconds. A partition of which messages
        are `waiting` for Kafka need not get further: its offset cannot be committed before theirs.
        """
        # A list, so that every partition is looked at each time: a bad one must not hide the progress of the others.
        partitions = self._app.consumer.assignment()
        progress = [self._progresses(partition, now, waiting) for partition in partitions]
        return all(progress) if partitions else self._is_in_group()

    def raise_group_error(self) -> None:
        """Raise the error for which the app cannot be in its group: Faust waits for partitions, without noticing it."""
        with contextlib.suppress(ConsumerNotStarted):
            error = group_error_of(aiokafka_consumer_of(self._app))
            if error is not None:
                raise error

    @property
    def stalled(self) -> str:
        """The partitions that cannot be read, and why; empty if there are none."""
        with contextlib.suppress(ConsumerNotStarted):
            return describe(stalled(aiokafka_consumer_of(self._app)))
        return ""

    def _is_in_group(self) -> bool:
        try:
            return answered(aiokafka_consumer_of(self._app), self._limit_ms)
        except ConsumerNotStarted:
            return False

    def _progresses(self, partition: Any, now: float, waiting: Mapping[tuple[str, int], int]) -> bool:
        consumer, place = aiokafka_consumer_of(self._app), TopicPartition(partition.topic, partition.partition)
        if place in stalled(consumer):
            self._committed.pop(partition, None)
            return True
        end = end_of(consumer, place)
        committed = committed_offset_of(self._app, partition)
        before, since = self._committed.get(partition, (None, now))
        held_up = waiting.get((partition.topic, partition.partition), 0) > 0
        if held_up or end is None or committed != before or committed is None or self._is_at(end, partition, committed):
            since = now
        self._committed[partition] = committed, since
        return end is not None and max(end.age_ms, (now - since) * 1000) <= self._limit_ms

    def _is_at(self, end: End, partition: Any, committed: int) -> bool:
        """Whether all is done that can be read: what a transaction leaves at the end has no message."""
        if committed >= end.offset:
            return True
        state = state_of(aiokafka_consumer_of(self._app), TopicPartition(partition.topic, partition.partition))
        fetched = state is not None and state.has_valid_position and state.position >= readable_end(state, end.offset)
        return fetched and not has_unfinished(self._app, partition)
