"""Where chunks end: at a number of offsets, and at a slot of record time."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.decoders import RequestEvent
from streams.cells import SourcePartition
from streams.ingest import cutting
from streams.ingest.chunks import Chunker, SourceRecord
from streams.ingest.cutting import (
    CHUNK_OFFSETS,
    MOST_LAGGING,
    SLOT_MS,
    ChunkSpan,
    boundary,
    rule,
    slot_of,
    take_run,
)
from streams.journal import CHUNK_RULE, encode
from tests.streams.ingest.source_logs import T0


def test_the_rule_is_the_default_of_a_partial() -> None:
    """A build that cuts otherwise states its rule in each record; a record without a rule always has this one."""
    assert (rule(), CHUNK_RULE) == ("4096.10000", "4096.10000")
    chunker = Chunker(SourcePartition("e", 0))
    event = RequestEvent(ts_ms=T0, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
    chunker.count_records([SourceRecord(0, T0, [event])])
    (partial,) = chunker.flush().partials
    assert b"rule" not in encode(partial)


def test_another_cut_is_another_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule names both limits."""
    monkeypatch.setattr(cutting, "CHUNK_OFFSETS", 16)
    assert rule() == f"16.{SLOT_MS}"


@pytest.mark.parametrize(
    ("offset", "timestamp", "inside"),
    [
        (CHUNK_OFFSETS - 1, T0, True),
        (CHUNK_OFFSETS, T0, False),
        (1, T0 + SLOT_MS - 1, True),
        (1, T0 + SLOT_MS, False),
        (1, T0 - 5 * SLOT_MS, True),
    ],
)
def test_limits(offset: int, timestamp: int, inside: bool) -> None:
    """A chunk ends before the next multiple of offsets and before a later slot; earlier times stay inside."""
    assert T0 % SLOT_MS == 0
    assert ChunkSpan(0, slot_of(T0)).holds(offset, timestamp) is inside


def test_boundary() -> None:
    """A chunk that starts at a multiple has all its offsets before it; one in the middle ends at the same place."""
    assert [boundary(start) for start in (0, CHUNK_OFFSETS - 1, CHUNK_OFFSETS)] == [
        CHUNK_OFFSETS,
        CHUNK_OFFSETS,
        2 * CHUNK_OFFSETS,
    ]


STEPS = st.lists(
    st.tuples(st.sampled_from([1, 2, 1_500]), st.sampled_from([-20_000, 0, 4_000, 9_000]), st.integers(1, 40)),
    max_size=12,
)


@given(st.integers(0, 2 * CHUNK_OFFSETS), STEPS)
def test_a_run_is_cut_as_its_records_one_by_one(start: int, steps: list[tuple[int, int, int]]) -> None:
    """The search for the end of a chunk in a run gives what the rule for each record gives."""
    records = [SourceRecord(start, T0, [])]
    for further, later, times in steps:
        offset, time = records[-1].offset, records[-1].timestamp + later
        records += [SourceRecord(offset + further * (each + 1), time, []) for each in range(times)]
    span, expected = ChunkSpan(start, slot_of(T0)), 0
    while expected < len(records) and span.holds(records[expected].offset, records[expected].timestamp):
        span = span.after(records[expected].timestamp)
        expected += 1
    found = take_run(ChunkSpan(start, slot_of(T0)), records, [record.timestamp for record in records])
    assert found[0] == expected
    assert expected < len(records) or found[1] == span  # the span of a chunk that has ended decides nothing more


def test_one_record_from_far_ahead_does_not_keep_its_chunk_open() -> None:
    """After a few records with right clocks the chunk ends, and the next ones end at their slots again."""
    chunker = Chunker(SourcePartition("e", 0))
    event = RequestEvent(ts_ms=T0, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
    times = [T0 + 58 * 60_000, *(T0 + second * 1_000 for second in range(120))]
    log = [
        SourceRecord(offset, time, [msgspec.structs.replace(event, ts_ms=time)]) for offset, time in enumerate(times)
    ]
    chunker.count_records(log)
    finals = [partial for partial in chunker.flush().partials if partial.final]
    assert finals[0].upto == 1 + MOST_LAGGING
    assert all(partial.upto - partial.start <= SLOT_MS // 1_000 for partial in finals[1:])


def test_records_that_lag_behind_some_are_not_cut_apart() -> None:
    """Where right clocks come between, slow ones cost no chunks."""
    span = ChunkSpan(0, slot_of(T0))
    for offset in range(1_000):
        time = T0 if offset % MOST_LAGGING == 0 else T0 - 3 * SLOT_MS
        assert span.holds(offset, time)
        span = span.after(time)


def test_records_without_a_time_are_cut_at_that_of_their_events() -> None:
    """Else a partition of such records would have one chunk for thousands of seconds."""
    event = RequestEvent(ts_ms=T0, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
    events = [msgspec.structs.replace(event, ts_ms=T0 + second * 1_000) for second in range(30)]
    log = [SourceRecord(offset, -1, [event]) for offset, event in enumerate(events)]
    single, run = Chunker(SourcePartition("e", 0)), Chunker(SourcePartition("e", 0))
    single.count_records(log)
    run.count_run(log, events)
    flush = single.flush()
    assert [partial.upto - partial.start for partial in flush.partials] == [10, 10, 10]
    assert run.flush() == flush
