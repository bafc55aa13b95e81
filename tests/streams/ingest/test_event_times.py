"""When an event counts: within what its record's time and the worker's clock allow."""

from __future__ import annotations

import pytest

from connectors.decoders import RequestEvent, Unreadable
from streams.ingest.event_times import MOST_AHEAD_MS, EventTimes
from tests.streams.ingest.source_logs import T0


@pytest.mark.parametrize(("max_future_ms", "most"), [(60_000, MOST_AHEAD_MS), (3_600_000, 3_600_000)])
def test_the_workers_clock_allows_what_the_records_may(max_future_ms: int, most: int) -> None:
    """A setting above the limit raises it; without a clock there is none."""
    times = EventTimes(max_future_ms)
    assert not times.is_far(T0 + 10**14)
    times.now = T0
    assert [times.is_far(T0 + most), times.is_far(T0 + most + 1)] == [False, True]


@pytest.mark.parametrize(
    ("time", "expected"), [(T0, T0), (T0 + 30_000, T0 + 90_000), (0, T0 + 90_000), (-1, T0 + 90_000)]
)
def test_an_event_far_ahead_of_its_record_is_at_the_records_time(time: int, expected: int) -> None:
    """A record without a time sets no limit of its own."""
    event = RequestEvent(ts_ms=T0 + 90_000, rollout="r", cohort="c", status=200, latency_ms=1.0)
    assert EventTimes(60_000).clamped(event, time).ts_ms == expected
    assert EventTimes(60_000).time_of(Unreadable("r", "c", T0 + 90_000), time) == expected
