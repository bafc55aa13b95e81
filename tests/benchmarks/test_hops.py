"""Where the time of a rollback went, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from benchmarks.hops import Hops, ProgressTimes, Read
from benchmarks.latency import Plan, rows
from benchmarks.load import Sent

#   the pane ends at 20,000; its last event was sent at 19,990; the watermark passes with events from 22,000 on
SENT = Sent(
    events=1_000,
    seconds=5.0,
    first={0: {21: 21_000, 22: 22_004, 23: 23_001}, 1: {21: 21_003, 23: 23_010}},  # partition 1 was silent in 22
    last={"checkout-v2": {18: 18_900, 19: 19_990, 20: 20_980}},
)
COMMAND: dict[str, Any] = {
    "rollout": "checkout-v2",
    "event_time": 20_000,
    "journal": {"partition": 1, "offset": 7},
}
PROGRESS = {
    (1, 6): ProgressTimes(made=23_000, began=22_980, handed=22_985),
    (1, 7): ProgressTimes(made=23_260, began=23_220, handed=23_240),
}


def test_the_hops_of_one_rollback() -> None:
    """Each begins where the one before it ends, from the last event of the pane to the command read."""
    hops = Hops.of(Read(COMMAND, made=23_300, read=23_310), SENT, PROGRESS)
    assert hops == Hops(watermark=3_020, ingest=210, flush=20, journal=20, evaluation=40, command=10)
    assert hops.after_watermark == 23_310 - 23_010
    assert hops.total == 23_310 - 19_990


def test_the_slowest_partition_moves_the_watermark() -> None:
    """Without the silent one it would have moved a second earlier."""
    quick = Sent(SENT.events, SENT.seconds, {0: SENT.first[0]}, SENT.last)
    hops = Hops.of(Read(COMMAND, made=23_300, read=23_310), quick, PROGRESS)
    assert hops.watermark == 22_004 - 19_990
    assert hops.total == 23_310 - 19_990


def test_what_never_came_took_for_ever() -> None:
    """Two of four rollbacks: the median is known, what lies above it is not."""
    plan = Plan(1_000, 10, 4, 0.0, 1.0)
    some = [Hops(2_000, 1, 1, 1, 1, ms) for ms in (10, 30)]
    found = {row.what: row.values for row in rows(plan, [some, some * 2])}
    assert found["rolled back"] == (2.0, 4.0)
    assert found["command, p50"] == (30.0, 10.0)
    assert found["command, p99"] == (math.inf, 30.0)
    assert found["total, p50"] == (2_034.0, 2_014.0)


@pytest.mark.parametrize("crew", [((),), (("ingest",), ("judge", "sequencer", "audit"))])
def test_a_case_names_rate_and_workers(crew: tuple[tuple[str, ...], ...]) -> None:
    """Two plans of one rate have different names."""
    assert Plan(10_000, 1, 1, 0.0, 1.0, crew).case.startswith(f"10,000 events/s, {len(crew)} worker")
