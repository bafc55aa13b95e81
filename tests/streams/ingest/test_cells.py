"""The cells of a chunk: which one an event counts in, and how many there can be."""

from __future__ import annotations

import random

import msgspec
import pytest

from connectors.decoders import RequestEvent, Unreadable
from gates.panes import CLASSES
from streams.ingest import cells
from streams.ingest.cells import (
    CLASS_OF_SLOT,
    MOST_COHORTS,
    MOST_REFUSED,
    SLOTS_PER_CELL,
    ChunkCell,
    ChunkCells,
    slot_of,
)
from tests.streams.ingest.source_logs import T0


def a_request(rollout: str = "checkout", cohort: str = "canary", ts_ms: int = T0, status: int = 200) -> RequestEvent:
    """Return a plain request."""
    return RequestEvent(ts_ms=ts_ms, rollout=rollout, cohort=cohort, status=status, latency_ms=1.0)


def test_cells_are_numbered_as_the_log_needs_them() -> None:
    """One cell for each rollout, cohort and second; events of one cell differ in their slots by outcome."""
    found = ChunkCells()
    events = [a_request(), a_request(status=503, ts_ms=T0 + 999), a_request(rollout="search"), a_request(ts_ms=T0 - 1)]
    assert found.place(events) == ([slot_of(0, 200), slot_of(0, 503), slot_of(1, 200), slot_of(2, 200)], events)
    assert found.numbered == [
        ChunkCell("checkout", ("canary", T0, False)),
        ChunkCell("search", ("canary", T0, False)),
        ChunkCell("checkout", ("canary", T0 - 1_000, False)),
    ]
    assert list(found.numbers_of("checkout")) == [0, 2]


@pytest.mark.parametrize("status", [None, 200, 304, 404, 503])
def test_an_ok_of_grpc_counts_as_the_decoder_has_it(status: int | None) -> None:
    """In a run as alone: beside an HTTP error it does not hide that."""
    event = RequestEvent(ts_ms=T0, rollout="r", cohort="c", status=status, grpc_status=0, latency_ms=1.0)
    found = ChunkCells()
    expected = [slot_of(0, status if status in (404, 503) else "ok")]
    assert found.place([event])[0] == expected == found.place([event])[0]
    plain = RequestEvent(ts_ms=T0, rollout="r", cohort="c", status=503, grpc_status=14, latency_ms=1.0)
    assert found.place([plain, event])[0] == [slot_of(0, 1_014), *expected]


def test_each_exact_status_has_its_slot() -> None:
    """Behind those of the classes, in any cell; successes share one by class."""
    results: list[int | str] = [200, 204, 404, 429, 503, "error", 1_008, 1_014, 0]
    slots = [slot_of(3, result) for result in results]
    assert len(set(slots)) == len(results) - 2
    assert (slots[0], slots[5]) == (slots[1], slots[8])
    assert all(slot // SLOTS_PER_CELL == 3 for slot in slots)
    found = [CLASSES[CLASS_OF_SLOT[slot % SLOTS_PER_CELL]] for slot in slots]
    assert found == ["2xx", "2xx", "4xx", "4xx", "5xx", "error", "4xx", "error", "error"]


def test_a_remembered_slot_is_the_slot() -> None:
    """Events that are placed again get the slots that they had."""
    found = ChunkCells()
    events = [a_request(), a_request(cohort="stable")]
    assert found.place(events) == found.place(events)


@pytest.mark.parametrize("limit", ["MOST_ROLLOUTS", "MOST_CELLS"])
def test_events_without_room_are_left_out(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """What was placed keeps its cell, whatever comes after the limit."""
    monkeypatch.setattr(cells, limit, 1)
    found = ChunkCells()
    first = a_request()
    further = a_request(rollout="search") if limit == "MOST_ROLLOUTS" else a_request(ts_ms=T0 + 1_000)
    assert found.place([first, further, first]) == ([slot_of(0, 200)] * 2, [first, first])
    assert len(found.numbered) == 1


def test_cohorts_without_room_share_a_cell() -> None:
    """They count in the cell of the cohort "", and are not remembered: each event can bring a new one."""
    found = ChunkCells()
    found.place([a_request(cohort=f"c{number}") for number in range(MOST_COHORTS)])
    slots, _ = found.place([a_request(cohort="x"), a_request(cohort="y"), a_request(cohort="")])
    assert slots == [slot_of(MOST_COHORTS, 200)] * 3
    assert found.numbered[-1] == ChunkCell("checkout", ("", T0, False))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots that are not remembered are found again step by step."""
    monkeypatch.setattr(cells, "MOST_REMEMBERED", 0)
    found = ChunkCells()
    assert found.place([a_request()]) == found.place([a_request()])


def an_unreadable(cohort: str = "canary", rollout: str = "checkout", *, synthetic: bool = False) -> Unreadable:
    """Return an event of which little can be read."""
    return Unreadable(rollout, cohort, synthetic=synthetic)


def test_an_unreadable_event_has_the_cell_of_its_time() -> None:
    """It opens one where there is none, and shares that of events that can be read."""
    found = ChunkCells()
    assert found.place_unreadable(an_unreadable(), T0 + 1) == 0
    assert found.place([a_request(ts_ms=T0 + 999)])[0] == [slot_of(0, 200)]
    assert found.place_unreadable(an_unreadable(synthetic=True), T0) == 1
    assert found.numbered[-1] == ChunkCell("checkout", ("canary", T0, True))
    assert found.drain_refusing() == set()


@pytest.mark.parametrize("limit", ["ROLLOUTS", "CELLS"])
def test_without_room_a_request_is_refused_by_its_cohort(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Readable or not; a rollout without room has no count either. Probes and heartbeats are no users' requests."""
    monkeypatch.setattr(cells, f"MOST_{limit}", 1)
    monkeypatch.setattr(cells, f"MOST_UNREADABLE_{limit}", 0)
    found = ChunkCells()
    rollout = "search" if limit == "ROLLOUTS" else "checkout"
    beat = RequestEvent(ts_ms=T0 + 5_000, rollout=rollout, cohort="canary", emitter="pod-1", heartbeat=True)
    probe = msgspec.structs.replace(a_request(rollout, ts_ms=T0 + 5_000), synthetic=True)
    untagged = a_request(rollout, cohort="", ts_ms=T0 + 5_000)
    found.place([a_request(), a_request(rollout, "stable", T0 + 5_000), beat, probe, untagged])
    assert found.place_unreadable(an_unreadable(rollout=rollout), T0 + 5_000) is None
    assert found.place_unreadable(an_unreadable(rollout=rollout), None) is None
    assert found.place_unreadable(an_unreadable(rollout=rollout, synthetic=True), None) is None
    expected = {} if limit == "ROLLOUTS" else {"stable": 1, "canary": 2}
    assert found.refused_of("checkout") == expected
    assert found.unplaced == (7 if limit == "ROLLOUTS" else 0)
    assert found.drain_refusing() == ({"checkout"} if expected else set())
    assert found.drain_refusing() == set()


def test_names_of_refused_cohorts_are_bounded() -> None:
    """A cohort without a cell of its own counts by its name, but further ones share ""."""
    found = ChunkCells()
    names = [f"c{number}" for number in range(200)]
    for _ in range(2):
        found.place([a_request(cohort=name) for name in names])
        for name in names:
            found.place_unreadable(an_unreadable(name), T0)
    refused = found.refused_of("checkout")
    assert len(refused) == 2 * MOST_COHORTS + MOST_REFUSED + 1
    assert sum(refused.values()) == 4 * (len(names) - MOST_COHORTS)
    with_cells = {cell.key[0] for cell in found.numbered}
    assert with_cells == {"", *names[:MOST_COHORTS]}
    assert not with_cells & set(refused) - {""}
    assert found.place_unreadable(an_unreadable("c0"), None) is None
    assert found.refused_of("checkout")["c0"] == 1


def test_cohorts_of_unreadable_events_are_bounded() -> None:
    """They have names of their own, as many as the others; those beyond are refused by their names."""
    found = ChunkCells()
    names = [f"c{number}" for number in range(MOST_COHORTS + 3)]
    placed = [found.place_unreadable(an_unreadable(name), T0) for name in names]
    assert placed == [*range(MOST_COHORTS), None, None, None]
    assert found.refused_of("checkout") == dict.fromkeys(names[MOST_COHORTS:], 1)


def test_events_of_which_no_cohort_can_be_read_are_untagged() -> None:
    """They share the cell of the cohort "", take no name from others, and always have room but for their cells."""
    found = ChunkCells()
    names = [f"c{number}" for number in range(MOST_COHORTS)]
    placed = [found.place_unreadable(an_unreadable(name), T0) for name in ["", *names, ""]]
    assert placed == [*range(MOST_COHORTS + 1), 0]
    assert found.place([a_request(cohort="")])[0] == [slot_of(0, 200)]
    assert found.place_unreadable(an_unreadable(""), None) is None
    assert found.refused_of("checkout") == {"": 1}


def test_unreadable_events_do_not_decide_where_good_ones_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they name, before or between: good events have the rollouts, cohorts and cells that they have alone."""
    for limit, number in (("MOST_ROLLOUTS", 2), ("MOST_COHORTS", 3), ("MOST_CELLS", 5)):
        monkeypatch.setattr(cells, limit, number)
    rng = random.Random(7)
    for _ in range(200):
        alone, mixed = ChunkCells(), ChunkCells()
        for _ in range(40):
            rollout, cohort = rng.choice(["a", "b", "c"]), f"c{rng.randrange(5)}"
            event = a_request(rollout, cohort, T0 + 1_000 * rng.randrange(3))
            other = an_unreadable(rng.choice(["", "c0", "c1", "c2", "c3", "c4"]), rng.choice(["a", "b", "c"]))
            mixed.place_unreadable(other, T0 + 1_000 * rng.randrange(3))
            expected, _ = alone.place([event])
            given, _ = mixed.place([event])
            cell_of = [
                [each.numbered[slot // SLOTS_PER_CELL] for slot in slots]
                for each, slots in ((alone, expected), (mixed, given))
            ]
            assert cell_of[0] == cell_of[1]
