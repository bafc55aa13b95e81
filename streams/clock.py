"""The one wall clock. Whatever is decided takes its time from the journal; only what writes the journal looks here."""

import time


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - this is the clock
