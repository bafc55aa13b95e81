"""Versions of chunks fit into messages, whatever producers send, and every worker ends chunks alike."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoders import RequestEvent
from connectors.kafka.clients import LARGEST_MESSAGE
from gates.statuses import CLASS_OF
from streams.cells import CELL_MS, SourcePartition
from streams.ingest import open_chunk, sizes
from streams.ingest.cells import FULL_CELLS, MOST_CELLS
from streams.ingest.chunks import Chunker, Flush, SourceRecord
from streams.journal import Partial, bundled, encode
from tests.streams.ingest.source_logs import T0, a_log, take

STATUSES = [code for code in CLASS_OF if code < 600]
ROOM = LARGEST_MESSAGE - 65_536
"""A message, without its batch."""


def a_hostile_event(number: int, second: int, *, metrics: int = 0) -> RequestEvent:
    """Return an event that adds as much as one can: a status, a user, an emitter and a latency of its own."""
    return RequestEvent(
        ts_ms=T0 - second * CELL_MS,
        rollout="checkout",
        cohort="\x01" * 128,
        status=STATUSES[number % len(STATUSES)],
        latency_ms=float(1.02 ** (number % 600)),
        user=f"user-{number}",
        emitter=f"pod-{number}",
        success=number % 2 == 0,
        metrics={f"{name:02d}" + "é" * 62: float(number) for name in range(metrics)} or None,
    )


def finals_and_rest(chunker: Chunker, log: list[SourceRecord]) -> tuple[list[Partial], Flush]:
    """Return all versions after this log."""
    take(chunker, log)
    flush = chunker.flush()
    return flush.partials, flush


def requests(partials: list[Partial]) -> int:
    """Return the requests counted in versions, each of another chunk."""
    return sum(cell.requests for partial in partials for cell in partial.cells)


def refused(partials: list[Partial]) -> int:
    """Return the requests refused in versions, each of another chunk."""
    return sum(sum(partial.refused.values()) for partial in partials)


def in_records(events: Iterator[RequestEvent], each: int) -> list[SourceRecord]:
    """Return records with this number of events."""
    return [
        SourceRecord(offset, T0, list(part))
        for offset, part in enumerate(iter(lambda: list(itertools.islice(events, each)), []))
    ]


@pytest.mark.parametrize("each", [1, 100, 5_000])
def test_a_hostile_log_makes_no_version_that_is_too_large(each: int) -> None:
    """2,048 cells of 32 events with all their details: 3.8 MB in one version, which now is more than one."""
    count = 4_000 if each == 1 else MOST_CELLS * 32
    log = in_records((a_hostile_event(number, number % FULL_CELLS) for number in range(count)), each)
    partials, _ = finals_and_rest(Chunker(SourcePartition("e", 0)), log)
    assert max(len(encode(partial)) for partial in partials) < ROOM
    assert requests(partials) + refused(partials) == count
    assert refused(partials) == 0
    assert all(len(value) < ROOM for value in bundled(map(encode, partials)))


def test_a_backfill_with_long_names_is_counted_in_pieces() -> None:
    """900 seconds with 16 long names of metrics: six messages stopped ingest for good."""
    log = in_records((a_hostile_event(number, number % 900, metrics=16) for number in range(5_400)), 900)
    partials, flush = finals_and_rest(Chunker(SourcePartition("e", 0)), log)
    assert max(len(encode(partial)) for partial in partials) < ROOM
    assert (requests(partials) + refused(partials), flush.limited.refused) == (5_400, refused(partials))
    log = in_records((a_hostile_event(number, number % 900, metrics=16) for number in range(5_400)), 100)
    partials, flush = finals_and_rest(Chunker(SourcePartition("e", 0)), log)
    assert max(len(encode(partial)) for partial in partials) < ROOM
    assert (requests(partials), refused(partials), flush.limited.refused) == (5_400, 0, 0)


def test_an_honest_backfill_gets_through_in_pieces() -> None:
    """Events of an hour and more in one go, more seconds than a chunk may have: all are counted."""
    log = in_records((a_hostile_event(number, number // 5) for number in range(30_000)), 50)
    partials, flush = finals_and_rest(Chunker(SourcePartition("e", 0)), log)
    assert (requests(partials), refused(partials), flush.limited.refused) == (30_000, 0, 0)
    assert len(partials) > 2


def test_what_does_not_fit_is_refused_by_cohort() -> None:
    """A message that is too large by itself: as much of it as fits is counted, the rest is missing from its cohort."""
    events = [a_hostile_event(number, number % 2_000, metrics=16) for number in range(2_000)]
    (partial,), flush = finals_and_rest(Chunker(SourcePartition("e", 0)), [SourceRecord(0, T0, events)])
    assert sizes.LARGEST_CELLS - 700_000 < len(encode(partial)) < ROOM
    missing = 2_000 - requests([partial])
    assert (partial.refused, flush.limited.refused) == ({"\x01" * 128: missing}, missing)
    assert missing > 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_full_chunks_are_cut_by_the_log_alone(seed: int, data: st.DataObject) -> None:
    """Batches and flushes of any size end chunks after the same records, where chunks are full after a few."""
    rng = random.Random(seed)
    log = a_log(rng, 150)
    full, step = rng.choice([1_500, 4_000, 9_000]), rng.choice([100, 1_000])

    def versions(takes: list[int], flushes: list[bool]) -> dict[tuple[int, str], str]:
        chunker, at, out = Chunker(SourcePartition("e", 0)), 0, dict[tuple[int, str], str]()
        for size, flush in [*zip(takes, flushes, strict=True), (len(log), True)]:
            take(chunker, log[at : at + size])
            at += size
            if flush:
                out |= {(p.start, p.rollout): repr((p.cells, p.refused)) for p in chunker.flush().partials}
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_chunk, "FULL", full)
        patch.setattr(open_chunk, "STEP", step)
        patch.setattr(open_chunk, "LARGEST_CELLS", full * 2)
        takes = data.draw(st.lists(st.integers(0, 40), max_size=20))
        flushes = data.draw(st.lists(st.booleans(), min_size=len(takes), max_size=len(takes)))
        assert versions(takes, flushes) == versions([], [])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_no_event_adds_more_than_its_bound(seed: int) -> None:
    """The sums of what events add are never below what the cells have."""
    rng = random.Random(seed)
    chunker = Chunker(SourcePartition("e", 0))
    for record in a_log(rng, 60):
        take(chunker, [record])
        chunk = chunker._chunk
        assert chunk is not None
        bound = chunk._sizes.bound
        chunk._measure()
        assert chunk._sizes.measured <= bound
        largest = max((len(encode(p)) for p in chunk.versions(chunker.source, final=False)), default=0)
        assert largest <= chunk._sizes.measured + 1_000  # names of the version
