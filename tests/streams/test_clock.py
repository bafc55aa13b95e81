"""The wall clock, and the broker's."""

import asyncio
import time

import pytest
from aiokafka.structs import RecordMetadata, TopicPartition

from streams.clock import AGREE_MS, MOST_ASKED, SLOW_ACK_S, BrokerClock, WallTime, wall_ms

T0 = 1_767_225_600_000


def ack(at: int, timestamp_type: int = 1) -> RecordMetadata:
    """Return the ack of a record with this time."""
    return RecordMetadata("j", 0, TopicPartition("j", 0), 7, at, timestamp_type, 0)


def test_it_gives_milliseconds_since_the_epoch() -> None:
    """A whole number, between two readings of the system's own clock."""
    before = time.time()  # noqa: TID251 - the clock is tested against the system's
    now = wall_ms()
    assert isinstance(now, int)
    assert int(before * 1_000) <= now <= time.time() * 1_000  # noqa: TID251


def test_the_brokers_time_goes_on_from_the_last_ack() -> None:
    """By the seconds since; acks that took long, and times of the producer, are left out."""
    passed = [100.0]
    clock = BrokerClock(lambda: passed[0])
    assert clock.now().broker is None
    clock.learn(ack(T0 - 1, timestamp_type=0), clock.begin())
    assert clock.now().broker is None
    sent_at = clock.begin()
    passed[0] += SLOW_ACK_S
    clock.learn(ack(T0), sent_at)
    passed[0] += 2.5
    assert clock.now().broker == T0 + 2_500
    passed[0] += SLOW_ACK_S
    clock.learn(ack(T0), sent_at)
    assert clock.now().broker == T0 + 7_500


@pytest.mark.parametrize(
    ("now", "agreed", "trouble"),
    [
        (WallTime(T0), T0, ""),
        (WallTime(T0, T0 + AGREE_MS), T0, ""),
        (WallTime(T0 + 86_400_000, T0), T0, "this worker's clock is 86,400 s ahead of the broker's"),
        (WallTime(T0 - 600_000, T0), T0, "this worker's clock is 600 s behind the broker's"),
    ],
)
def test_a_clock_that_differs_from_the_brokers(now: WallTime, agreed: int, trouble: str) -> None:
    """The broker's time is used in its place, and health shows it."""
    assert (now.agreed, now.trouble) == (agreed, trouble)


class AskedBroker:
    """Keeps which partitions were written to; those in `answers` answer, with times of this type."""

    def __init__(self, answers: set[int], timestamp_type: int = 1) -> None:
        self.answers = answers
        self.timestamp_type = timestamp_type
        self.asked: list[int] = []

    async def send(self, partition: int) -> RecordMetadata:
        """Return the answer of a partition."""
        self.asked.append(partition)
        if partition not in self.answers:
            raise ConnectionError
        return ack(T0, self.timestamp_type)


async def test_the_broker_is_asked_before_the_first_time_is_written() -> None:
    """Once, by all partitions; one that answers is enough. A stopped clock takes no answer."""
    broker, clock = AskedBroker({1}), BrokerClock(lambda: 100.0)
    await clock.ask(broker.send, [])
    while clock.now().broker is None:
        await clock.ask(broker.send, [0, 1])
        await asyncio.sleep(0)
    assert clock.now().broker == T0
    asked = len(broker.asked)
    await clock.ask(broker.send, [0, 1])
    assert len(broker.asked) == asked


@pytest.mark.parametrize(("answers", "timestamp_type", "times"), [(set[int](), 1, MOST_ASKED), ({0}, 0, 1)])
async def test_a_broker_without_an_answer_is_asked_a_few_times(
    answers: set[int], timestamp_type: int, times: int
) -> None:
    """And a topic with the times of producers once."""
    broker, clock = AskedBroker(answers, timestamp_type), BrokerClock(lambda: 100.0)
    for _ in range(5):
        await clock.ask(broker.send, [0])
        await asyncio.sleep(0)
    assert clock.now().broker is None
    assert len(broker.asked) == times
