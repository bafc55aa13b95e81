"""Whether Faust's consumer makes progress: each partition is fetched, and read to its end or further than before."""

import inspect
import time
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError
from faust.exceptions import ConsumerNotStarted

from connectors.kafka.faust_consumer import FaustProgress
from connectors.kafka.private_faust import FaustVersionError
from connectors.kafka.stalled_partitions import Stall

LIMIT_MS = 10_000.0


class Message(NamedTuple):
    """A message that an agent has."""

    tp: Any


class Consumer:
    """As much of Faust's consumer as is read: by partition its end, its committed offset, the age of its fetch."""

    def __init__(self, **partitions: tuple[int, int | None, float]) -> None:
        self.partitions = {("orders", int(name[1:])): each for name, each in partitions.items()}

    def assignment(self) -> set[Any]:
        """The partitions, as both Faust and aiokafka have them."""
        from aiokafka import TopicPartition

        return {TopicPartition(*each) for each in self.partitions}

    def highwater(self, partition: Any) -> int:
        """The end."""
        return self.partitions[tuple(partition)][0]

    def last_poll_timestamp(self, partition: Any) -> float:
        """When it was fetched, by aiokafka's clock."""
        return time.time() * 1000 - self.partitions[tuple(partition)][2]  # noqa: TID251

    def paused(self) -> set[Any]:
        """None."""
        return set()

    @property
    def _committed_offset(self) -> Any:
        return {partition: self.partitions[tuple(partition)][1] for partition in self.assignment()}

    @property
    def _thread(self) -> Any:
        return SimpleNamespace(_ensure_consumer=lambda: self)


def watching(consumer: Consumer) -> FaustProgress:
    """Progress of an app with this consumer."""
    app: Any = SimpleNamespace(consumer=consumer)
    return FaustProgress(app, LIMIT_MS)


def test_read_to_the_end_is_healthy_for_any_time() -> None:
    """Where nothing arrives nothing can be committed."""
    progress = watching(Consumer(p0=(7, 7, 0.0)))
    assert [progress.healthy(now) for now in (0.0, 60.0, 600.0)] == [True] * 3


def test_behind_and_standing_still_is_not_healthy() -> None:
    """An agent is stuck; once it goes on, all is well."""
    consumer = Consumer(p0=(7, 5, 0.0))
    progress = watching(consumer)
    assert [progress.healthy(now) for now in (0.0, 9.0, 10.1)] == [True, True, False]
    consumer.partitions["orders", 0] = (9, 6, 0.0)
    assert progress.healthy(11.0)


def test_behind_and_waiting_for_kafka_is_healthy() -> None:
    """A message cannot be written yet; other messages go on. Not once it is written."""
    progress = watching(Consumer(p0=(7, 5, 0.0)))
    waiting = {("orders", 0): 1}
    assert [progress.healthy(now, waiting) for now in (0.0, 60.0)] == [True, True]
    waiting["orders", 0] = 0
    assert [progress.healthy(now, waiting) for now in (61.0, 71.0)] == [True, False]


def test_a_partition_that_is_not_fetched_is_not_healthy() -> None:
    """Kafka does not answer, even if all that was fetched is read."""
    assert not watching(Consumer(p0=(7, 7, 60_000.0))).healthy(0.0)


def test_a_marker_at_the_end_is_nothing_to_read() -> None:
    """A transaction leaves an offset without a message, which nobody commits. A message that is not finished counts."""
    consumer: Any = Consumer(p0=(7, 5, 0.0))
    partition = TopicPartition("orders", 0)
    state = SimpleNamespace(has_valid_position=True, position=7, lso=7)
    subscription = SimpleNamespace(assignment=SimpleNamespace(state_value=lambda _: state))
    consumer._subscription = SimpleNamespace(subscription=subscription)
    consumer._unacked_messages, consumer._read_offset = set(), {partition: 4}
    progress = watching(consumer)
    assert [progress.healthy(now) for now in (0.0, 60.0)] == [True, True]
    consumer._read_offset[partition] = 6
    assert [progress.healthy(now) for now in (61.0, 80.0)] == [True, False]
    consumer._read_offset[partition] = 5
    assert progress.healthy(81.0)
    consumer._unacked_messages = {Message(partition)}
    assert [progress.healthy(now) for now in (82.0, 99.0)] == [True, False]
    consumer._unacked_messages = set()
    state.position = state.lso = 6  # where a transaction is open
    assert [progress.healthy(now) for now in (100.0, 160.0)] == [True, True]
    state.lso = 0  # of a broker without transactions
    assert [progress.healthy(now) for now in (161.0, 180.0)] == [True, False]


def test_one_bad_partition_is_enough_and_hides_no_other() -> None:
    """The time of each partition runs from its own last progress."""
    consumer = Consumer(p0=(7, 5, 0.0), p1=(3, 1, 0.0))
    progress = watching(consumer)
    assert progress.healthy(0.0)
    consumer.partitions["orders", 1] = (3, 2, 0.0)
    assert progress.healthy(9.0)
    assert not progress.healthy(11.0)
    consumer.partitions["orders", 0] = (7, 7, 0.0)
    assert progress.healthy(12.0)
    assert not progress.healthy(19.5)


def test_nothing_assigned_is_healthy_and_nothing_committed_yet_too() -> None:
    """A spare, which the group answers, and a worker that has just got its partitions."""
    assert watching(Consumer()).healthy(0.0)
    progress = watching(Consumer(p0=(7, None, 0.0)))
    assert [progress.healthy(now) for now in (0.0, 60.0)] == [True, True]


def test_another_faust_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its private parts may have another meaning."""
    monkeypatch.setattr("faust.__version__", "0.16.0")
    with pytest.raises(FaustVersionError):
        watching(Consumer())


async def test_a_group_that_refuses_the_app_is_noticed() -> None:
    """Faust waits for partitions until then; before its consumer has started there is nothing to notice."""
    consumer: Any = Consumer()
    progress = watching(consumer)
    progress.raise_group_error()
    consumer._coordinator = SimpleNamespace(_pending_exception=GroupAuthorizationFailedError("g"))
    with pytest.raises(GroupAuthorizationFailedError):
        progress.raise_group_error()
    assert "self._pending_exception = exc" in inspect.getsource(GroupCoordinator._push_error_to_user)


async def test_a_stalled_partition_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart would not help, and it is reported."""
    consumer = Consumer(p0=(7, 5, 0.0), p1=(7, 7, 0.0))
    progress = watching(consumer)
    now = time.monotonic()
    found = {TopicPartition("orders", 0): Stall("CorruptRecordException", now, now)}
    monkeypatch.setattr("connectors.kafka.faust_consumer.stalled", lambda _: found)
    assert [progress.healthy(now) for now in (0.0, 60.0)] == [True, True]
    assert progress.stalled == "cannot read orders partition 0: CorruptRecordException"
    found.clear()
    assert [progress.healthy(now) for now in (61.0, 72.0)] == [True, False]
    assert progress.stalled == ""


def test_nothing_assigned_is_not_healthy_where_the_group_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or before the consumer has started."""
    monkeypatch.setattr("connectors.kafka.consumer_progress.group_silent_ms", lambda _: 60_000.0)
    assert not watching(Consumer()).healthy(0.0)

    def not_yet() -> None:
        raise ConsumerNotStarted

    app: Any = SimpleNamespace(
        consumer=SimpleNamespace(assignment=set, _thread=SimpleNamespace(_ensure_consumer=not_yet))
    )
    assert not FaustProgress(app, LIMIT_MS).healthy(0.0)


def test_the_number_of_partitions() -> None:
    """Those of Faust's consumer."""
    assert [watching(Consumer()).partitions, watching(Consumer(p0=(7, 7, 0.0))).partitions] == [0, 1]
