"""Lines of events: counted, and with record times that one wrong clock does not spoil."""

from __future__ import annotations

import json

from streams.ingest.chunks import MAX_FUTURE_MS
from streams.offline.event_lines import EventLines

T0 = 1_767_225_600_000


def line(ts: int) -> bytes:
    """Return an event at this time."""
    event = {"ts": T0 + ts, "rollout": "search", "cohort": "canary", "status": 200, "latency_ms": 1}
    return json.dumps(event).encode()


def times(*offsets: int) -> list[int]:
    """Return the record times of events at these times."""
    return [time - T0 for _, time in EventLines().timed(line(offset) for offset in offsets)]


def test_events_and_faults_are_counted() -> None:
    """Empty lines are neither."""
    lines = EventLines()
    assert len(list(lines.timed([line(0), b"\n", b"{", b"[" + line(1) + b"," + line(2) + b"]"]))) == 3
    assert (lines.events, lines.faults) == (3, {"bad_json": 1})


def test_the_record_time_is_the_events_own() -> None:
    """Also of one that is late, and where time passes between two events."""
    assert times(0, 900, 500, 9_000_000) == [0, 900, 500, 9_000_000]


def test_one_clock_far_ahead_is_corrected() -> None:
    """In the middle, and as the first event."""
    far = MAX_FUTURE_MS + 5_000
    assert times(0, 100, far, 200) == [0, 100, 100, 200]
    assert times(far, 100, 200) == [100, 100, 200]
    assert times(0, MAX_FUTURE_MS, 0) == [0, MAX_FUTURE_MS, 0]


def test_unreadable_events_are_passed_on() -> None:
    """With the event before them, or with the first; each once."""
    lines, bad = EventLines(), line(0).replace(b"200", b"999")
    found = [len(lines.drain_unreadable()) for _ in lines.timed([bad, line(0), bad, bad, line(1), line(2), bad])]
    assert found == [3, 0, 1]
    assert lines.drain_unreadable() == []


def test_a_clock_ahead_is_corrected_however_many_of_its_events_come_together() -> None:
    """As long as they are fewer than those of the other clock."""
    far = 3_600_000
    assert times(0, far, far + 1, 100, 200, 300) == [0, 0, 0, 100, 200, 300]


def test_a_clock_behind_moves_no_other() -> None:
    """An hour behind: the others keep their own time, and what is behind is late."""
    behind = [offset for second in range(5) for offset in (second, second, second - 3_600_000)]
    assert times(*behind) == behind


def test_a_record_time_in_front_of_the_event_counts() -> None:
    """As the console consumer of Kafka prints it; what only looks like one is a fault."""
    lines = EventLines()
    written = [b"CreateTime:%d\t" % T0 + line(9_000_000), b"LogAppendTime:%d\t" % (T0 + 1) + line(0)]
    assert [time - T0 for _, time in lines.timed([*written, b"CreateTime:soon\t" + line(0)])] == [0, 1]
    assert (lines.events, lines.faults, lines.recorded) == (2, {"bad_json": 1}, True)


def test_events_are_counted_by_rollout() -> None:
    """A file may hold those of several."""
    lines = EventLines()
    list(lines.timed([line(0), line(0).replace(b"search", b"cart")]))
    assert lines.rollouts == {"search": 1, "cart": 1}
    assert not lines.recorded
