"""Cells as records of the journal: the same cell comes back, and a malformed record is refused."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from gates.groups import halves_of, key_of
from gates.panes import NO_COUNTS, NO_HALVES, Cell, Detail
from gates.stats.histogram import Histogram
from streams.cells import CellRecord, DetailRecord, merged

START = 1_767_225_600_000
COUNTS = (0, 7, 0, 0, 2, 0, 0)
HALVES = [*COUNTS, *NO_COUNTS]
"""All users have an even hash."""


def cell(**detail: object) -> Cell:
    """Return a cell with nine requests and these details."""
    return Cell(COUNTS, Histogram.of([1.0, 20.0, 20.0]), Detail(**detail))  # type: ignore[arg-type]


def grouped(users: list[int] | None = None, emitters: list[int] | None = None) -> DetailRecord:
    """Return details with these counts by group, as written."""
    return DetailRecord(0, 0, [], HALVES, {}, [], [], users or [], emitters or [])


def decoded(record: CellRecord) -> CellRecord:
    """Return the record after its way through the journal."""
    return msgspec.json.decode(msgspec.json.encode(record), type=CellRecord)


def test_a_cell_comes_back() -> None:
    """With its cohort, its start and its details; a cell without details has none in its record."""
    missing = replace(cell(), unreadable=4, clamped=2)
    for original in (cell(), cell(succeeded=3, failed=1, users=(5, 9)), missing):
        record = decoded(CellRecord.of("canary", START, original, synthetic=True))
        assert record.key == ("canary", START, True)
        assert record.requests == 9
        assert record.cell() == original
    assert CellRecord.of("canary", START, cell()).detail is None


def test_exact_statuses_come_back() -> None:
    """Those of all requests, and those of users by half."""
    halves = Detail(halves=tuple(HALVES), statuses={2 * 503: 2})
    original = Cell(COUNTS, statuses={500: 1, 503: 1}, detail=halves)
    record = decoded(CellRecord.of("canary", START, original))
    assert record.cell() == original
    assert merged([record, record]) == original.merge(original)


def test_counts_by_group_come_back() -> None:
    """Of users and of emitters; a sum has the sums of both."""
    groups = {key_of(1, 0): 7, key_of(503, 2): 2}
    halves, exact = halves_of(groups)
    known = Detail(halves=halves, statuses=exact, user_groups=groups, emitter_groups={key_of(1, 5): 6})
    original = Cell(COUNTS, statuses={503: 2}, detail=known)
    record = decoded(CellRecord.of("canary", START, original))
    assert record.cell() == original
    assert merged([record, record]) == original.merge(original)
    assert record.cell().merge(original).detail.emitter_groups == {key_of(1, 5): 12}


def test_records_add_up() -> None:
    """The sum of two records is the sum of their cells."""
    first, second = replace(cell(users=(5,)), unreadable=1), replace(cell(users=(3, 5), failed=2), clamped=3)
    total = merged([CellRecord.of("canary", START, first), CellRecord.of("canary", START, second)])
    assert total == first.merge(second)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"counts": (1,)}, "counts, none negative"),
        ({"counts": (-1, *NO_COUNTS[1:])}, "counts, none negative"),
        ({"unreadable": -1}, "no count of unreadable events"),
        ({"clamped": -1}, "each clamped one is a request"),
        ({"clamped": 10}, "each clamped one is a request"),
        ({"buckets": [3], "bucket_counts": []}, "bucket"),
        ({"detail": DetailRecord(0, 0, [], [0], {}, [])}, "counts of halves"),
        ({"detail": DetailRecord(-1, 0, [], list(NO_HALVES), {}, [])}, "no negative count"),
        ({"detail": DetailRecord(0, 0, [9, 5], list(NO_HALVES), {}, [])}, "ascending"),
        ({"detail": DetailRecord(0, 0, [1 << 32], list(NO_HALVES), {}, [])}, "32 bits"),
        ({"statuses": {504: 1, 503: 1}}, "known and ascending"),
        ({"statuses": {200: 1}}, "known and ascending"),
        ({"statuses": {1_000: 1}}, "known and ascending"),
        ({"statuses": {503: 0}}, "1 request or more"),
        ({"statuses": {500: 1, 503: 2}}, "not be more requests of the exact statuses of 5xx than of 5xx"),
        ({"detail": DetailRecord(0, 0, [], HALVES, {}, [], [(1_007, 1)])}, "not be more requests"),
        ({"detail": DetailRecord(0, 0, [], HALVES, {}, [], [(1_006, 1), (1_006, 1)])}, "ascending"),
        ({"detail": grouped(users=[8, 8])}, "than requests"),
        ({"detail": grouped(users=[4_024, 1])}, "than requests"),
        ({"detail": grouped(users=[9, 1])}, "than requests"),
        ({"detail": grouped(users=[8])}, "keys and numbers in turns"),
        ({"detail": grouped(users=[8, 0])}, "1 request or more"),
        ({"detail": grouped(users=[10, 1, 8, 1])}, "must be ascending"),
        ({"detail": grouped(emitters=[8, 1, 8, 1])}, "must be ascending"),
        ({"detail": grouped(emitters=[1_600, 1])}, "a known outcome"),
        ({"detail": grouped(emitters=[-8, 1])}, "a known outcome"),
        ({"detail": grouped(emitters=[8, 4, 9, 4])}, "than requests"),
        ({"detail": grouped(emitters=[4_024, 1])}, "than requests"),
        ({"detail": grouped(users=[800, 1])}, "more transactions by group"),
        ({"detail": grouped(emitters=[815, 1])}, "more transactions by group"),
    ],
)
def test_a_malformed_record_is_refused(fields: dict[str, object], message: str) -> None:
    """A record from outside is checked before it is added to anything."""
    record = msgspec.structs.replace(CellRecord.of("canary", START, cell()), **fields)
    with pytest.raises(ValueError, match=message):
        record.cell()


def test_a_record_of_an_older_build_is_read() -> None:
    """It has neither unreadable nor clamped events."""
    old = b'["canary",1767225600000,[0,1,0,0,0,0,0],[5],[1],true,null]'
    known = msgspec.json.decode(old, type=CellRecord)
    assert (known.synthetic, known.unreadable, known.clamped) == (True, 0, 0)
