"""The wall clock, and the broker's."""

import time

import pytest
from aiokafka.structs import RecordMetadata, TopicPartition

from streams.clock import AGREE_MS, SLOW_ACK_S, BrokerClock, WallTime, wall_ms

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
