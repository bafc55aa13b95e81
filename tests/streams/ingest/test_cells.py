"""The cells of a chunk: which one an event counts in, and how many there can be."""

from __future__ import annotations

import pytest

from connectors.decoders import RequestEvent
from gates.panes import CLASSES
from streams.ingest import cells
from streams.ingest.cells import CLASS_OF_SLOT, MOST_COHORTS, SLOTS_PER_CELL, ChunkCell, ChunkCells, slot_of
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
