"""The wall clock."""

import time

from streams.clock import wall_ms


def test_it_gives_milliseconds_since_the_epoch() -> None:
    """A whole number, between two readings of the system's own clock."""
    before = time.time()  # noqa: TID251 - the clock is tested against the system's
    now = wall_ms()
    assert isinstance(now, int)
    assert int(before * 1_000) <= now <= time.time() * 1_000  # noqa: TID251
