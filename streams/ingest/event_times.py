"""When an event counts: at its own time, within what its record's time and the worker's clock allow. Pure.

An event further ahead of its record than `max_future_ms` counts at the record's time, so that a producer's broken clock
cannot hide events in a day to come. The log alone decides that.

Record times may be wrong too, or missing (0 or less). So an event that is far ahead of the worker's clock is refused.
It is not counted at another time: workers that count a chunk one after the other have different clocks, and no event
may be in two cells.
"""

from __future__ import annotations

import msgspec

from connectors.decoders import RequestEvent, Unreadable

MOST_AHEAD_MS = 600_000
"""How far an event may lie ahead of the worker's clock, in milliseconds, whatever the time of its record.

Record times are the producer's, unless the topic uses the broker's. Wide, since the worker's clock may be behind."""


class EventTimes:
    """The limits of one source partition. Without `now`, the worker's clock, only the record's time sets one."""

    def __init__(self, max_future_ms: int) -> None:
        self.max_future_ms = max_future_ms
        self.now: int | None = None

    def is_far(self, time: int) -> bool:
        """Whether an event of this time is refused."""
        return self.now is not None and time > self.now + max(MOST_AHEAD_MS, self.max_future_ms)

    def clamped(self, event: RequestEvent, time: int) -> RequestEvent:
        """The event, or a copy at the time of its record, if it lies too far ahead of that."""
        # A record without a time has 0 or -1: it sets no limit.
        if not 0 < time < event.ts_ms - self.max_future_ms:
            return event
        return msgspec.structs.replace(event, ts_ms=time)

    def time_of(self, found: Unreadable, time: int) -> int | None:
        """When an unreadable event in a record of this time counts; None if neither has a time, or it is too far."""
        at = found.ts_ms
        if at is None or 0 < time < at - self.max_future_ms:
            at = time if time > 0 else None
        return None if at is not None and self.is_far(at) else at
