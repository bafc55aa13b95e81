"""The only wall clock. Decisions take their time from the journal; only what writes the journal reads this clock."""

import time


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - this is the clock


def age_ms(at_ms: int | None) -> float:
    """Milliseconds since a time that a library of this process took from the same clock; infinite without one."""
    return float("inf") if at_ms is None else time.time() * 1000 - at_ms  # noqa: TID251 - the clock that libraries read
