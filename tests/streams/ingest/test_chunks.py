"""Cutting a source partition into chunks and counting them: by the log alone, whatever the batches and flushes."""

from __future__ import annotations

import random

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoders import RequestEvent, Unreadable
from streams.cells import CELL_MS, CellRecord, SourcePartition
from streams.ingest import cells
from streams.ingest.cells import MOST_CELLS
from streams.ingest.chunks import Chunker, SourceRecord
from streams.ingest.cutting import CHUNK_OFFSETS, SLOT_MS
from streams.ingest.event_times import MOST_AHEAD_MS
from tests.streams.ingest.source_logs import T0, a_log, an_event, take


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_chunks_are_cut_by_the_log_alone(seed: int, data: st.DataObject) -> None:
    """Batches and flushes of any size give the same final versions: same bounds, same cells, same commit."""
    log = a_log(random.Random(seed), 120)

    def finals(batches: list[int], flushes: list[bool]) -> tuple[dict[tuple[int, str], bytes], list[int]]:
        chunker, at = Chunker(SourcePartition("e", 0)), 0
        out: dict[tuple[int, str], tuple[int, list[CellRecord]]] = {}
        commits: list[int] = []
        for size, flush in zip(batches, flushes, strict=True):
            take(chunker, log[at : at + size])
            at += size
            if flush:
                partials, commit, *_ = chunker.flush()
                out |= {(p.start, p.rollout): (p.upto, sorted(p.cells, key=repr)) for p in partials}
                commits += [] if commit is None else [commit]
        chunker.count_records(log[at:])
        partials, commit, *_ = chunker.flush()
        out |= {(p.start, p.rollout): (p.upto, sorted(p.cells, key=repr)) for p in partials}
        commits += [] if commit is None else [commit]
        # how far a version reaches depends on the flush, what it holds at its last does not
        return {key: encode_cells(cells) for key, (_, cells) in out.items()}, commits[-1:]

    def encode_cells(cells: object) -> bytes:
        return orjson.dumps(repr(cells))

    sizes = data.draw(st.lists(st.integers(0, 40), max_size=20))
    flushes = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    assert finals(sizes, flushes) == finals([], [])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_run_is_counted_as_its_records_one_by_one(seed: int, size: int) -> None:
    """Whatever the times of events and records, and wherever chunks end: the same partials and the same counts."""
    rng = random.Random(seed)
    offset, now, log = CHUNK_OFFSETS - rng.randint(0, 100), T0 + rng.randint(0, 20_000), []
    for _ in range(120):
        offset, now = offset + rng.choice([1, 1, 2]), now + rng.choice([0, 80, 3_000])
        ahead = rng.choice([0, 0, 59_000, 61_000, 90_000_000])
        timestamp = rng.choice([now, now, now - 30_000, 0, -1])
        log.append(SourceRecord(offset, timestamp, [an_event(rng, now + ahead)]))
    single, runs = Chunker(SourcePartition("e", 0)), Chunker(SourcePartition("e", 0))
    single.count_records(log)
    for begin in range(0, len(log), size):
        run = log[begin : begin + size]
        runs.count_run(run, [record.events[0] for record in run])
    assert runs.flush() == single.flush()
    assert runs.newest == single.newest


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_a_chunk_ends_at_its_offset_or_slot(seed: int) -> None:
    """No chunk spans a multiple of 4096 offsets, nor a record that entered a later slot; commits are chunk ends."""
    log = a_log(random.Random(seed), 120)
    chunker = Chunker(SourcePartition("e", 0))
    slots = {record.offset: record.timestamp // SLOT_MS for record in log}
    ends: set[int] = set()
    for record in log:
        chunker.count_records([record])
        partials, commit, *_ = chunker.flush()
        ends |= {partial.upto for partial in partials if partial.final}
        if commit is not None:
            assert all(end <= commit for end in ends)
            ends.add(commit)
        for partial in partials:
            inside = [offset for offset in slots if partial.start <= offset < partial.upto]
            assert partial.start // CHUNK_OFFSETS == (partial.upto - 1) // CHUNK_OFFSETS
            assert all(slots[offset] <= slots[inside[0]] for offset in inside)


def test_a_clock_far_ahead_is_counted_at_the_records_time() -> None:
    """An event further ahead of its record than `max_future` counts at the record's time, and is reported."""
    chunker = Chunker(SourcePartition("e", 0), max_future_ms=60_000)
    event = RequestEvent(ts_ms=T0 + 60_001, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
    near = RequestEvent(ts_ms=T0 + 60_000, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
    chunker.count_records([SourceRecord(0, T0, [event, near])])
    flush = chunker.flush()
    (partial,) = flush.partials
    assert [cell.start for cell in partial.cells] == [T0, T0 + 60_000]
    assert [(cell.requests, cell.clamped) for cell in partial.cells] == [(1, 1), (1, 0)]
    assert (flush.limited.clamped, flush.newest) == (1, T0 + 60_000)


def test_a_backfill_makes_no_version_that_the_journal_would_refuse() -> None:
    """Events of more seconds than a chunk may name are refused and reported; the first are counted."""
    chunker = Chunker(SourcePartition("e", 0))
    log = [
        RequestEvent(ts_ms=T0 - at * CELL_MS, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
        for at in range(MOST_CELLS + 10)
    ]
    chunker.count_records([SourceRecord(0, T0, log)])
    flush = chunker.flush()
    (partial,) = flush.partials
    assert (len(partial.cells), flush.limited.refused) == (MOST_CELLS, 10)
    assert partial.refused == {"canary": 10}


def a_request(ts_ms: int = T0) -> RequestEvent:
    """Return a plain request."""
    return RequestEvent(ts_ms=ts_ms, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)


def test_a_version_that_will_soon_be_final_is_left_out_once() -> None:
    """If the log goes on behind the chunk, the flush waits for the final version, but a second flush does not."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.count_records([SourceRecord(0, T0, [a_request()])])
    first, second = chunker.flush(CHUNK_OFFSETS + 1), chunker.flush(CHUNK_OFFSETS + 1)
    assert (first.partials, first.all_read, first.position) == ([], False, None)
    assert ([partial.final for partial in second.partials], second.all_read, second.position) == ([False], True, 1)


def test_a_commit_is_due_with_the_final_version() -> None:
    """Only the end of a finished chunk may be committed, once."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.count_records(SourceRecord(offset, T0, [a_request()]) for offset in (CHUNK_OFFSETS - 1, CHUNK_OFFSETS))
    flush = chunker.flush()
    assert ([partial.final for partial in flush.partials], flush.commit) == ([True, False], CHUNK_OFFSETS)
    assert chunker.flush().commit is None


@pytest.mark.parametrize(
    ("ts_ms", "timestamp", "start"),
    [
        (T0 - 3_000, T0, T0 - 3_000),
        (T0 + 60_000, T0, T0 + 60_000),
        (T0 + 60_001, T0, T0),
        (T0 + 90_000, -1, T0 + 90_000),
        (None, T0 + 999, T0),
        (None, 0, None),
    ],
)
def test_when_an_unreadable_event_counts(ts_ms: int | None, timestamp: int, start: int | None) -> None:
    """At its own time, as far as its record's allows; else at its record's, or without any as refused. Time stays."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.count_records([SourceRecord(0, timestamp, [], [Unreadable("checkout", "canary", ts_ms)])])
    flush = chunker.flush()
    (partial,) = flush.partials
    assert [cell.start for cell in partial.cells if cell.unreadable == 1] == ([] if start is None else [start])
    assert partial.refused == ({"canary": 1} if start is None else {})
    assert (flush.newest, flush.position) == (None, 1)


def test_events_of_rollouts_without_room_are_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each chunk, the finished ones too."""
    monkeypatch.setattr(cells, "MOST_UNREADABLE_ROLLOUTS", 0)
    chunker, other = Chunker(SourcePartition("e", 0)), Unreadable("search", "canary", T0)
    chunker.count_records(
        SourceRecord(offset, T0, [a_request()], [other, other]) for offset in (CHUNK_OFFSETS - 1, CHUNK_OFFSETS)
    )
    assert [chunker.flush().limited.unplaced for _ in range(2)] == [4, 0]


@pytest.mark.parametrize("timestamp", [-1, 0, T0 + 58 * 60_000, T0 + 10**14])
@pytest.mark.parametrize("run", [True, False])
def test_no_record_time_hides_events_in_a_time_to_come(timestamp: int, run: bool) -> None:
    """What is far ahead of the worker's clock is refused and counts against its cohort, whatever its record's time."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.times.now = T0
    far = [a_request(T0 + MOST_AHEAD_MS + 1), a_request(T0 + 10**14)]
    events = [a_request(T0 + MOST_AHEAD_MS), *far]
    log = [SourceRecord(offset, timestamp, [event]) for offset, event in enumerate(events)]
    if run:
        chunker.count_run(log, events)
    else:
        chunker.count_records(log)
    flush = chunker.flush()
    assert (flush.limited.refused, flush.newest) == (2, T0 + MOST_AHEAD_MS)
    assert [cell.start for partial in flush.partials for cell in partial.cells] == [T0 + MOST_AHEAD_MS]
    newest = {partial.start: partial.refused.get("canary", 0) for partial in flush.partials}
    assert sum(newest.values()) == 2


def test_a_refused_event_is_in_no_other_cell_by_another_workers_clock() -> None:
    """A worker that counts the chunk again later has it in its own cell, or not at all: never in two."""
    early, late = Chunker(SourcePartition("e", 0)), Chunker(SourcePartition("e", 0))
    early.times.now, late.times.now = T0, T0 + MOST_AHEAD_MS
    event = a_request(T0 + MOST_AHEAD_MS + 5_000)
    for chunker in (early, late):
        chunker.count_records([SourceRecord(0, 0, [event])])
    ((first,), (second,)) = (chunker.flush().partials for chunker in (early, late))
    assert (first.cells, first.refused) == ([], {"canary": 1})
    assert ([cell.start for cell in second.cells], second.refused) == ([event.ts_ms], {})


def test_what_is_no_request_is_refused_without_a_count() -> None:
    """A synthetic event and a heartbeat from far ahead are no missing requests; an unreadable event is."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.times.now = T0
    ahead = T0 + MOST_AHEAD_MS + 1
    beat = RequestEvent(ts_ms=ahead, rollout="checkout", cohort="canary", emitter="pod-1", heartbeat=True)
    given = [msgspec.structs.replace(a_request(ahead), synthetic=True), beat]
    chunker.count_records([SourceRecord(0, 0, given, [Unreadable("checkout", "canary", ahead)])])
    (partial,) = chunker.flush().partials
    assert (partial.cells, partial.refused) == ([], {"canary": 1})
