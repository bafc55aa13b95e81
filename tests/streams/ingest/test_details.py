"""What events hold beyond outcome and latency, from the bytes of an event to the pane that a gate is given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.decoders import RequestEvent
from connectors.decoders.registry import decoder
from gates.gate import Gate
from gates.groups import GROUPS, SUCCEEDED, halves_of, key_of
from gates.panes import CLASSES, NO_DETAIL, NO_HALVES, NOTHING, SAMPLE_SIZE, Cell, Detail, Pane, smallest
from gates.stats.histogram import Histogram
from gates.stats.value_counts import ValueCounts
from streams.cells import CELL_MS, CellRecord, DetailRecord, SourcePartition
from streams.ingest.cells import MOST_COHORTS, MOST_ROLLOUTS
from streams.ingest.chunks import Chunker, SourceRecord
from streams.ingest.cutting import CHUNK_OFFSETS
from streams.ingest.details import MOST_METRICS, hash32
from streams.journal import Partial, encode
from streams.journal import decode as read
from streams.judge.join import Join
from streams.offline.replay import Replay
from tests.gates.drawn import cells
from tests.pipeline.harness import POLICY
from tests.streams.judge.restarts import reloaded_join

T0 = 1_767_225_600_000
OK, BAD = CLASSES.index("2xx"), CLASSES.index("5xx")


def an_event(**changes: Any) -> dict[str, Any]:
    """Return a good request, as written, with some fields changed, or left out where the change is `...`."""
    known = {"ts": T0, "rollout": "checkout-v2", "cohort": "canary", "status": 200, "latency_ms": 5.0, **changes}
    return {name: value for name, value in known.items() if value is not ...}


def a_beat(emitter: str, **changes: Any) -> dict[str, Any]:
    """Return a heartbeat, as written."""
    return an_event(heartbeat=True, emitter=emitter, status=..., latency_ms=..., **changes)


def decoded(events: Iterable[dict[str, Any]]) -> Iterator[RequestEvent]:
    """Return what counts of these events, each written and decoded."""
    for event in events:
        yield from decoder().decode(json.dumps(event).encode()).counted


def chunked(*events: dict[str, Any]) -> dict[tuple[str, str, bool], Cell]:
    """Return the cells of one chunk that holds these events, by rollout, cohort and whether synthetic."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.count_records([SourceRecord(0, T0, list(decoded(events)))])
    partials = [read(encode(partial)) for partial in chunker.flush().partials]
    return {
        (partial.rollout, record.cohort, record.synthetic): record.cell()
        for partial in partials
        if isinstance(partial, Partial)
        for record in partial.cells
    }


def detail(*events: dict[str, Any]) -> Detail:
    """Return the details of the one cell that these events make."""
    (cell,) = chunked(*events).values()
    return cell.detail


def test_plain_events_have_no_details() -> None:
    """Fields that nobody sends take no space."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.count_records([SourceRecord(0, T0, list(decoded([an_event(), an_event(user="", metrics={}, emitter="")])))])
    (partial,) = chunker.flush().partials
    assert partial.cells[0].cell().detail is NO_DETAIL
    assert partial.cells[0].detail is None


def test_success() -> None:
    """Business transactions are counted by how they ended; a request without `success` counts as neither."""
    known = detail(*[an_event(success=True)] * 3, *[an_event(success=False)] * 2, an_event(success=None))
    assert (known.succeeded, known.failed) == (3, 2)


def test_users() -> None:
    """A user counts once in the sample, each of the user's requests in the half that the user is in."""
    names = [f"user-{number}" for number in range(100)]
    even = sum(hash32(name) % 2 == 0 for name in names)
    known = detail(*(an_event(user=name) for name in names), *(an_event(user=name, status=503) for name in names))
    assert known.users == smallest(map(hash32, names))
    assert len(known.users) == SAMPLE_SIZE
    assert [known.halves[OK], known.halves[BAD]] == [even, even]
    assert [known.halves[len(CLASSES) + OK], known.halves[len(CLASSES) + BAD]] == [100 - even, 100 - even]


def test_requests_count_by_group() -> None:
    """Once by the group of the user and once by that of the emitter; a heartbeat and what has neither count in none."""
    ann, pod = hash32("ann") % GROUPS, hash32("pod-1") % GROUPS
    known = detail(
        *[an_event(user="ann", emitter="pod-1", status=503)] * 3,
        an_event(user="ann", outcome="error", status=...),
        an_event(emitter="pod-1", user="ann", success=True),
        a_beat("pod-1", success=False),
        an_event(),
    )
    error = key_of(CLASSES.index("error"), ann)
    assert known.user_groups == {key_of(OK, ann): 1, error: 1, key_of(SUCCEEDED, ann): 1, key_of(503, ann): 3}
    assert known.emitter_groups == {key_of(OK, pod): 1, key_of(SUCCEEDED, pod): 1, key_of(503, pod): 3}
    assert (known.halves, dict(known.statuses)) == halves_of(known.user_groups)


def test_hashes_are_the_same_everywhere() -> None:
    """Two builds on two machines sample the same users: these numbers never change."""
    assert [hash32("ann"), hash32("bob"), hash32("Zoë")] == [3_483_897_541, 743_027_153, 3_240_509_174]


def test_the_sample_is_of_both_halves() -> None:
    """Being among the smallest hashes does not depend on the half: 2,000 samples of ten, half of them even."""
    samples = [sorted(hash32(f"{sample}/{user}") for user in range(100))[:10] for sample in range(2_000)]
    odd = sum(known & 1 for sample in samples for known in sample)
    assert odd == pytest.approx(10_000, abs=4 * 71)


def test_metrics() -> None:
    """Values are kept by name, of any sign and size."""
    known = detail(an_event(metrics={"cost": 0.002, "score": -1.0}), an_event(metrics={"cost": 3e12}))
    assert known.metrics == {"cost": ValueCounts.of([0.002, 3e12]), "score": ValueCounts.of([-1.0])}


def test_emitters() -> None:
    """Instances are sampled from their requests and from their heartbeats alike."""
    known = detail(an_event(emitter="pod-1"), an_event(emitter="pod-1"), a_beat("pod-2"))
    assert known.emitters == smallest([hash32("pod-1"), hash32("pod-2")])


def test_heartbeats_are_no_requests() -> None:
    """A heartbeat adds its emitter, and nothing else, whatever else it holds."""
    ((_, cell),) = chunked(a_beat("pod-1", user="ann", success=True, metrics={"cost": 1.0})).items()
    assert cell == Cell(detail=Detail(emitters=(hash32("pod-1"),)))
    assert cell.requests == 0


def test_synthetic_requests_are_kept_apart() -> None:
    """Probes have cells of their own, with details of their own."""
    found = chunked(an_event(user="ann"), an_event(synthetic=True, status=503), an_event(synthetic=False))
    assert {key[1:]: cell.requests for key, cell in found.items()} == {("canary", False): 2, ("canary", True): 1}
    assert found["checkout-v2", "canary", True].detail is NO_DETAIL


def test_what_lacks_a_cohort_counts_as_untagged() -> None:
    """Requests without a cohort are in the cell of the cohort "", with outcome, latency and details."""
    found = chunked(*(an_event(cohort=cohort, user="ann", status=503) for cohort in (..., None, "")))
    assert found.keys() == {("checkout-v2", "", False)}
    (cell,) = found.values()
    assert (cell.counts[BAD], cell.latency, cell.detail.users) == (3, Histogram.of([5.0] * 3), (hash32("ann"),))


def test_cohorts_are_bounded() -> None:
    """Events of more cohorts than a rollout may name in a chunk count as untagged; the first ones stay themselves."""
    names = [f"c{number}" for number in range(MOST_COHORTS)]
    spill = [an_event(cohort="x"), an_event(cohort="y"), an_event(cohort=""), an_event(rollout="other", cohort="x")]
    found = chunked(*(an_event(cohort=name) for name in names), *spill, an_event(cohort="c0", ts=T0 + 1))
    by_cohort = {cohort: cell.requests for (rollout, cohort, _), cell in found.items() if rollout == "checkout-v2"}
    assert by_cohort == dict.fromkeys(names, 1) | {"c0": 2, "": 3}
    assert found["other", "x", False].requests == 1


def test_cohorts_are_bounded_per_chunk() -> None:
    """The limit holds for each chunk alone: a full chunk leaves the next one its whole room."""
    chunker = Chunker(SourcePartition("e", 0))
    many = [an_event(cohort=f"c{number}") for number in range(MOST_COHORTS)]
    chunker.count_records([SourceRecord(0, T0, list(decoded(many)))])
    chunker.count_records([SourceRecord(CHUNK_OFFSETS, T0, list(decoded([an_event()])))])
    assert [len(partial.cells) for partial in chunker.flush().partials] == [MOST_COHORTS, 1]


def test_metrics_are_bounded() -> None:
    """A cell keeps the metrics that came first; values of others are dropped, and counted."""
    known = {f"m{number}": 1.0 for number in range(MOST_METRICS)}
    events = [an_event(metrics=known), an_event(metrics={"late": 1.0, "m0": 2.0}), an_event(metrics={"late": 1.0})]
    (cell,) = chunked(*events).values()
    chunker = Chunker(SourcePartition("e", 0))
    chunker.count_records([SourceRecord(0, T0, list(decoded(events)))])
    assert cell.detail.metrics == {name: ValueCounts.of([1.0]) for name in known} | {"m0": ValueCounts.of([1.0, 2.0])}
    assert (cell.requests, chunker.flush().limited.metrics_dropped) == (3, 2)


def test_rollouts_are_bounded() -> None:
    """Events of more rollouts than a chunk may name are not counted, but counted as refused."""
    chunker = Chunker(SourcePartition("e", 0))
    one = next(decoded([an_event()]))
    many = [msgspec.structs.replace(one, rollout=f"r{number}") for number in range(MOST_ROLLOUTS + 2)]
    chunker.count_records([SourceRecord(0, T0, [*many, many[0]])])
    flush = chunker.flush()
    partials = flush.partials
    assert (len(partials), flush.limited.refused) == (MOST_ROLLOUTS, 2)
    assert sum(record.cell().requests for partial in partials for record in partial.cells) == MOST_ROLLOUTS + 1


@given(cells, st.booleans())
def test_a_record_comes_back_as_it_was(cell: Cell, synthetic: bool) -> None:
    """Through the journal a cell is the same."""
    cells_before = [CellRecord.of("canary", T0, cell, synthetic), CellRecord.of("stable", T0, NOTHING)]
    partial = Partial(rollout="r", source=SourcePartition("e", 0), start=0, upto=1, final=False, cells=cells_before)
    written = encode(partial)
    assert read(written) == partial
    assert [record.cell() for record in partial.cells] == [cell, NOTHING]


def test_old_records_are_read() -> None:
    """A record of before there were details has none, and is of users' requests."""
    row = ["canary", T0, [0, 2, 0, 0, 0, 0, 0], [257], [2]]
    record = msgspec.convert(row, CellRecord)
    assert (record.key, record.cell().requests, record.cell().detail) == (("canary", T0, False), 2, NO_DETAIL)


@pytest.mark.parametrize("detail", [[1, 2, [3], [2] * 14, {}, [4]], [1, 2, [3], [2] * 14, {}, [4], [[1007, 1]]]])
def test_records_without_groups_are_read(detail: list[Any]) -> None:
    """A record of before there were groups has the halves that it always had."""
    known = msgspec.convert(detail, DetailRecord).detail()
    assert known.halves == (2,) * 14
    assert known.user_groups == known.emitter_groups == {}
    assert json.loads(json.dumps(known.dump())) == detail


def test_records_of_a_later_build_are_read() -> None:
    """What a later version adds at the end is passed over."""
    detail = [1, 2, [3], [0] * 14, {}, [4], [], [], [], "new"]
    row = ["canary", T0, [0, 2, 0, 0, 0, 0, 0], [257], [2], True, detail, 0, 0, {}, "new"]
    record = msgspec.convert(row, CellRecord)
    assert record.cell().detail == Detail(succeeded=1, failed=2, users=(3,), emitters=(4,), halves=NO_HALVES)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.integers(0, 3), cells, st.booleans()), max_size=5))
def test_a_join_keeps_details_in_its_snapshot(held: list[tuple[str, int, Cell, bool]]) -> None:
    """Folded and open cells come back from a snapshot to the bit: details, synthetic ones, and none where none were."""
    join = Join()
    for number, (cohort, second, cell, synthetic) in enumerate(held):
        record = CellRecord.of(cohort, T0 + second * CELL_MS, cell, synthetic)
        source = SourcePartition("e", number % 2)
        join.apply(Partial(rollout="r", source=source, start=number, upto=number + 1, final=False, cells=[record]))
    again = reloaded_join(join)
    assert again.state() == join.state()
    found, expected = again.close(0, T0 + 9_000), join.close(0, T0 + 9_000)
    assert found == expected
    assert all(cell.detail is NO_DETAIL for cell in found.cells.values() if cell.detail == NO_DETAIL)


EVENTS = [
    an_event(user="ann", success=True, metrics={"lag_ms": 3.0}, emitter="pod-1"),
    an_event(user="bob", success=False, cohort="stable"),
    an_event(synthetic=True, user="probe"),
    an_event(cohort=None, user="cid"),
    a_beat("pod-2"),
    an_event(ts=T0 + 60_000),
]
"""One second of all there is, and an event that closes it."""


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Pane]:
    """The panes that gates are given, from now on."""
    found: list[Pane] = []

    def keep(_self: Gate, pane: Pane, _moment: int) -> tuple[()]:
        found.append(pane)
        return ()

    monkeypatch.setattr(Gate, "pane", keep)
    return found


def test_details_reach_the_pane(judged: list[Pane]) -> None:
    """From lines of events to the gate: users', synthetic and untagged requests, each with their details."""
    replay = Replay(POLICY)
    list(replay.run(json.dumps(event).encode() for event in EVENTS))
    pane = judged[0]
    assert {name: cell.requests for name, cell in pane.cells.items()} == {"canary": 1, "stable": 1, "": 1}
    assert {name: cell.requests for name, cell in pane.synthetic.items()} == {"canary": 1}
    canary = pane.cells["canary"].detail
    assert (canary.succeeded, canary.users, canary.metrics) == (1, (hash32("ann"),), {"lag_ms": ValueCounts.of([3.0])})
    assert canary.emitters == smallest([hash32("pod-1"), hash32("pod-2")])
    assert pane.cells["stable"].detail.failed == 1
    assert pane.cells[""].detail.users == (hash32("cid"),)
    assert pane.synthetic["canary"].detail.users == (hash32("probe"),)
    assert (replay.source.events, replay.source.faults) == (5, {"wrong_field": 1})


def test_late_probes_and_heartbeats_are_not_late_requests() -> None:
    """Only users' requests lower the completeness of a rollout."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.count_records([SourceRecord(0, T0, list(decoded([an_event(synthetic=True), a_beat("pod-1"), an_event()])))])
    join = Join()
    join.close(0, T0 + CELL_MS)
    assert join.apply(chunker.flush().partials[0]).late == {"canary": 1}
