"""The time of a Kafka record, bounded. Every consumer takes it from here.

Where the topic does not use the broker's time, the producer chooses it: any 64-bit number. A number that no date has
would reach JSON, dates and sums that cannot hold it, so it is bounded once, on entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gates.text import LATEST_MS

NO_TIME = -1
"""The time of a record that has none, as Kafka writes it."""


class Timestamped(Protocol):
    """A record as aiokafka returns it, alone or in a batch."""

    @property
    def timestamp(self) -> int:
        """Its time, in milliseconds since the epoch, as the producer or the broker wrote it."""


def bounded_time(timestamp: int) -> int:
    """The time within what a date can have; `NO_TIME` if it is negative.

    >>> bounded_time(1_767_225_600_000), bounded_time(-(1 << 60)), bounded_time(1 << 60)
    (1767225600000, -1, 250000000000000)
    """
    return NO_TIME if timestamp < 0 else min(timestamp, LATEST_MS)


def record_time(record: Timestamped) -> int:
    """The time of a record."""
    return bounded_time(record.timestamp)


def record_times(records: Sequence[Timestamped]) -> list[int]:
    """The times of records, of which there is at least one."""
    times = [record.timestamp for record in records]
    if min(times) < 0 or max(times) > LATEST_MS:  # two passes in C: a call for each record would cost far more
        return [bounded_time(time) for time in times]
    return times
