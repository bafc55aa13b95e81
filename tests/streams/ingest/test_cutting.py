"""Where chunks end: at a number of offsets, and at a slot of record time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.decoders import RequestEvent
from streams.cells import SourcePartition
from streams.ingest import cutting
from streams.ingest.chunks import Chunker, SourceRecord
from streams.ingest.cutting import CHUNK_OFFSETS, SLOT_MS, boundary, in_chunk, length_in_chunk, rule, slot_of
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
    assert in_chunk(0, slot_of(T0), offset, timestamp) is inside


def test_boundary() -> None:
    """A chunk that starts at a multiple has all its offsets before it; one in the middle ends at the same place."""
    assert [boundary(start) for start in (0, CHUNK_OFFSETS - 1, CHUNK_OFFSETS)] == [
        CHUNK_OFFSETS,
        CHUNK_OFFSETS,
        2 * CHUNK_OFFSETS,
    ]


STEPS = st.lists(st.tuples(st.sampled_from([1, 2, 1_500]), st.sampled_from([-20_000, 0, 4_000, 9_000])), max_size=12)


@given(st.integers(0, 2 * CHUNK_OFFSETS), STEPS)
def test_the_length_of_a_run_is_that_of_its_records_one_by_one(start: int, steps: list[tuple[int, int]]) -> None:
    """The search for the end of a chunk in a run gives what the rule for each record gives."""
    records = [SourceRecord(start, T0, [])]
    for further, later in steps:
        records.append(SourceRecord(records[-1].offset + further, records[-1].timestamp + later, []))
    slot, expected = slot_of(T0), 0
    while expected < len(records) and in_chunk(start, slot, records[expected].offset, records[expected].timestamp):
        expected += 1
    assert length_in_chunk(start, slot, records, [record.timestamp for record in records]) == expected
