"""The one wall clock. Whatever is decided takes its time from the journal; only what writes the journal looks here."""

import time


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - this is the clock


def age_ms(told: int | None) -> float:
    """How long ago a time was, in milliseconds, that a library of this process told; for ever where it told none."""
    return float("inf") if told is None else time.time() * 1000 - told  # noqa: TID251 - the clock that libraries read
