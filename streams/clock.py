"""The only wall clock. Decisions take their time from the journal; only what writes the journal reads this clock."""

import time


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - this is the clock
