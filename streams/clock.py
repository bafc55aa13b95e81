"""The only wall clock. Decisions take their time from the journal; only what writes the journal reads this clock.

The broker's clock is a witness for it: what a worker writes to the journal gets the broker's time, if the topic uses
`LogAppendTime`, and the ack shows it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, Protocol

AGREE_MS = 30_000
"""How far a worker's clock and the broker's may differ. It is far more than clocks that are synchronized do, and than a
broker takes to answer."""

SLOW_ACK_S = 5.0
"""An ack that took longer shows no time: the broker may have appended the record long before it answered."""

MOST_ASKED = 3
"""How often the broker is asked for the time before the first time is written without it."""

_LOG_APPEND_TIME = 1


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - this is the clock


class Ack(Protocol):
    """What the broker answers to a record: when it was made or appended, and which of both."""

    timestamp: int
    timestamp_type: int


class WallTime(NamedTuple):
    """One moment by this worker's clock and by the broker's, in milliseconds; that one may not be known."""

    wall: int
    broker: int | None = None

    @property
    def agreed(self) -> int:
        """The time by this worker's clock, or by the broker's if both differ."""
        return self.wall if self.broker is None or abs(self.wall - self.broker) <= AGREE_MS else self.broker

    @property
    def trouble(self) -> str:
        """How this worker's clock differs from the broker's; "" if it does not."""
        off = self.wall - self.agreed
        if not off:
            return ""
        return f"this worker's clock is {abs(off) // 1000:,} s {'ahead of' if off > 0 else 'behind'} the broker's"


class BrokerClock:
    """The time by the broker's clock, carried on by a clock that is never set."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._known: tuple[int, float] | None = None
        self._asked = 0

    def begin(self) -> float:
        """The moment for `learn` at which a record is sent."""
        return self._monotonic()

    def learn(self, ack: Ack, sent_at: float) -> None:
        """Take the time from the ack of a record; without `LogAppendTime` there is none."""
        now = self._monotonic()
        if ack.timestamp_type != _LOG_APPEND_TIME:
            self._asked = MOST_ASKED  # the topic has none
        elif now - sent_at <= SLOW_ACK_S:
            self._known = ack.timestamp, now

    async def ask(self, send: Callable[..., Awaitable[Ack]], partitions: Iterable[int]) -> None:
        """Learn the time, if it is not known yet, by records that `send(partition=...)` writes to these.

        The first time in a journal has nothing else to be compared with, so these records must have none. Nothing waits
        long for it: a broker that does not answer is asked a few times, and one partition that answers is enough.
        """
        if self._known is not None or self._asked >= MOST_ASKED:
            return
        self._asked += 1
        sent_at = self.begin()
        sending = {asyncio.ensure_future(send(partition=partition)) for partition in partitions}
        for each in sending:
            each.add_done_callback(self._answered(sent_at))
        if sending:
            await asyncio.wait(sending, timeout=SLOW_ACK_S, return_when=asyncio.FIRST_COMPLETED)

    def _answered(self, sent_at: float) -> Callable[[asyncio.Future[Ack]], None]:
        """Learn from an answer; whatever is wrong with the topic is found by what is written next."""

        def learn(sent: asyncio.Future[Ack]) -> None:
            if not sent.cancelled() and sent.exception() is None:
                self.learn(sent.result(), sent_at)

        return learn

    def now(self) -> WallTime:
        """The present moment by both clocks."""
        if self._known is None:
            return WallTime(wall_ms())
        appended, at = self._known
        return WallTime(wall_ms(), appended + int((self._monotonic() - at) * 1_000))
