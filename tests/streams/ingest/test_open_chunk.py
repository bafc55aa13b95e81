"""The open chunk: its versions are cumulative, and only rollouts that have changed get one."""

from __future__ import annotations

from connectors.decoders import RequestEvent, Unreadable
from gates.panes import CLASSES
from streams.cells import SourcePartition
from streams.ingest.cutting import ChunkSpan
from streams.ingest.open_chunk import OpenChunk
from streams.ingest.sums import KINDS
from streams.journal import Partial
from tests.streams.ingest.source_logs import T0

SOURCE = SourcePartition("e", 0)


def a_request(rollout: str = "checkout", cohort: str = "canary") -> RequestEvent:
    """Return a plain request."""
    return RequestEvent(ts_ms=T0, rollout=rollout, cohort=cohort, status=200, latency_ms=1.0)


def requests(partial: Partial) -> dict[str, int]:
    """Return the requests of a version, by cohort."""
    return {record.cohort: record.cell().requests for record in partial.cells}


def test_versions_are_cumulative() -> None:
    """A version holds all cells of its rollout, the unchanged ones too, as far as the chunk reaches."""
    chunk = OpenChunk(ChunkSpan(7, 0), upto=8)
    assert chunk.count([a_request(), a_request(cohort="stable")]) == (0, 0)
    chunk.versions(SOURCE, final=False)
    chunk.count([a_request()])
    chunk.upto = 9
    (version,) = chunk.versions(SOURCE, final=True)
    assert requests(version) == {"canary": 2, "stable": 1}
    assert (version.source, version.start, version.upto, version.final) == (SOURCE, 7, 9, True)


def test_only_changed_rollouts_have_a_version() -> None:
    """Rollouts are in the order of their names; one without new events is left out."""
    chunk = OpenChunk(ChunkSpan(0, 0), upto=1)
    chunk.count([a_request("search"), a_request("checkout")])
    assert [version.rollout for version in chunk.versions(SOURCE, final=False)] == ["checkout", "search"]
    chunk.count([a_request("search")])
    assert [version.rollout for version in chunk.versions(SOURCE, final=False)] == ["search"]
    assert chunk.versions(SOURCE, final=False) == []


def test_kinds_are_drained() -> None:
    """The kinds are those of the events since the last call."""
    chunk = OpenChunk(ChunkSpan(0, 0), upto=1)
    chunk.count([a_request(), a_request()])
    chunk.versions(SOURCE, final=False)
    assert chunk.drain_kinds()[False][CLASSES.index("2xx")] == 2
    assert chunk.drain_kinds() == {False: [0] * len(KINDS), True: [0] * len(KINDS)}


def test_missing_events_have_a_version() -> None:
    """A rollout whose only news are events that were not counted changes as well."""
    chunk = OpenChunk(ChunkSpan(0, 0), upto=1)
    chunk.count_unreadable(Unreadable("checkout", "canary"), T0)
    chunk.count_unreadable(Unreadable("checkout", "canary"), T0)
    chunk.count_unreadable(Unreadable("search", "stable"), None)
    checkout, search = chunk.versions(SOURCE, final=False)
    assert [(cell.cohort, cell.start, cell.requests, cell.unreadable) for cell in checkout.cells] == [
        ("canary", T0, 0, 2)
    ]
    assert (search.rollout, search.cells, search.refused) == ("search", [], {"stable": 1})
    assert chunk.versions(SOURCE, final=True) == []


def test_clamped_requests_are_counted_as_such() -> None:
    """Beside the others of their cell."""
    chunk, clamped = OpenChunk(ChunkSpan(0, 0), upto=1), a_request()
    chunk.count([a_request(), clamped, a_request(cohort="stable")], [clamped])
    (version,) = chunk.versions(SOURCE, final=False)
    assert {cell.cohort: (cell.requests, cell.clamped) for cell in version.cells} == {
        "canary": (2, 1),
        "stable": (1, 0),
    }
