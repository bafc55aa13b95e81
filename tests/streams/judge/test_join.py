"""Ingest and judge together, without a broker: whatever befalls the writers, each event is counted exactly once.

A source partition is a log of decoded records. Workers read it from the last committed offset with the real `Chunker`
and append what it flushes to a journal; they crash, turn zombie (go on writing after a successor started), fail to
commit, and give partitions away. The journal repeats itself. The real `Join` must give what one pass gives.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoders import CLASS_INDEX, RequestEvent
from gates.panes import CLASSES, SAMPLE_SIZE, Cell, Detail
from gates.stats.histogram import Histogram
from gates.stats.value_counts import ValueCounts
from streams.cells import CELL_MS, CellKey, CellRecord, SourcePartition
from streams.ingest.cells import MOST_CELLS
from streams.ingest.chunks import Chunker, SourceRecord
from streams.ingest.cutting import CHUNK_OFFSETS, SLOT_MS, rule
from streams.journal import CHUNK_RULE, Partial, decode, encode
from streams.judge.join import Join
from tests.streams.judge.restarts import reloaded_join

T0 = 1_767_225_600_000
ROLLOUTS = ("checkout", "search")
COHORTS = ("stable", "canary")
Sums = dict[str, dict[CellKey, Cell]]


def take(chunker: Chunker, records: list[SourceRecord]) -> None:
    """Take records as ingest does: runs of one event each at once where they can be, the others one by one."""
    for single, group in itertools.groupby(records, lambda record: len(record.events) == 1):
        run = list(group)
        if single:
            chunker.count_run(run, [event for record in run for event in record.events])
        else:
            chunker.count_records(run)


def a_log(rng: random.Random, size: int) -> list[SourceRecord]:
    """Return a log: offsets with gaps, close to a chunk's end; time moves on, stands still, moves back a little."""
    offset, now, log = CHUNK_OFFSETS - rng.randint(0, size), T0 + rng.randint(0, 20_000), []
    for _ in range(size):
        offset += rng.choice([1, 1, 1, 2, 7])
        now += rng.choice([0, 5, 80, 400, 3_000])
        events = [an_event(rng, now) for _ in range(rng.choice([0, 1, 1, 1, 3]))]
        log.append(SourceRecord(offset, now + rng.randint(-1_000, 0), events))
    return log


def an_event(rng: random.Random, now: int) -> RequestEvent:
    """Return an event up to three seconds old, by status or by outcome, with some of the optional fields; or a beat."""
    known: dict[str, Any] = {"status": rng.choice([200, 204, 302, 404, 503])}
    if rng.random() < 0.2:
        known = {"outcome": rng.choice(["ok", "error"])}
    known |= {
        "user": rng.choice([None, "", *(f"user-{number}" for number in range(60))]),
        "success": rng.choice([None, None, True, False]),
        "metrics": rng.choice([None, {}, {"cost": rng.lognormvariate(0, 2)}, {"score": rng.gauss(0, 1), "lag": 0.0}]),
        "emitter": rng.choice([None, "", "pod-1", "pod-2"]),
    }
    if rng.random() < 0.1:
        known = {"heartbeat": True, "emitter": f"pod-{rng.randint(1, 9)}"}
    return RequestEvent(
        ts_ms=now - rng.randint(0, 3_000),
        rollout=rng.choice(ROLLOUTS),
        cohort=rng.choice(COHORTS),
        latency_ms=rng.choice([0.0, 1.5, 80.0, 799.0, 300_000.0]),
        synthetic=True if rng.random() < 0.05 else None,
        **known,
    )


def hashed(names: Iterable[str | None]) -> tuple[int, ...]:
    """Return the sample of these names' hashes, computed again from all names."""
    digests = {blake2b(name.encode(), digest_size=4, key=b"sluicegate").digest() for name in names if name}
    return tuple(sorted(int.from_bytes(digest, "big") for digest in digests)[:SAMPLE_SIZE])


def detail_of(seen: list[RequestEvent]) -> Detail:
    """Return what the events of one cell have beyond outcomes and latencies, naively."""
    requests = [event for event in seen if not event.heartbeat]
    halves = Counter(
        (hashed([event.user])[0] % 2, CLASS_INDEX[event.outcome or event.status]) for event in requests if event.user
    )
    metrics: dict[str, list[float]] = defaultdict(list)
    for event in requests:
        for name, value in (event.metrics or {}).items():
            metrics[name].append(value)
    return Detail(
        succeeded=sum(event.success is True for event in requests),
        failed=sum(event.success is False for event in requests),
        users=hashed(event.user for event in requests),
        halves=tuple(halves[half, index] for half in (0, 1) for index in range(len(CLASSES))),
        metrics={name: ValueCounts.of(values) for name, values in metrics.items()},
        emitters=hashed(event.emitter for event in seen),
    )


def recount(logs: list[list[SourceRecord]]) -> Sums:
    """Count one pass over the logs, naively."""
    raw: dict[str, dict[CellKey, list[RequestEvent]]] = {}
    for event in (event for log in logs for record in log for event in record.events):
        key = (event.cohort, event.ts_ms // CELL_MS * CELL_MS, bool(event.synthetic))
        raw.setdefault(event.rollout, defaultdict(list))[key].append(event)
    return {rollout: {key: cell_of(seen) for key, seen in cells.items()} for rollout, cells in raw.items()}


def cell_of(seen: list[RequestEvent]) -> Cell:
    """Return the cell that these events make."""
    requests = [event for event in seen if not event.heartbeat]
    classes = Counter(CLASS_INDEX[event.outcome or event.status] for event in requests)
    latency = Histogram.of([event.latency_ms for event in requests])
    return Cell(tuple(classes[index] for index in range(len(CLASSES))), latency, detail_of(seen))


@dataclass
class Worker:
    """One process that reads some source partitions, from the last commit on."""

    cluster: Cluster
    zombie: bool = False
    chunkers: dict[int, Chunker] = field(default_factory=dict)
    reading: dict[int, int] = field(default_factory=dict)  # index into the log, not the offset

    def take_over(self, partition: int) -> None:
        """Begin at the committed offset."""
        committed = self.cluster.committed[partition]
        log = self.cluster.logs[partition]
        self.reading[partition] = next((i for i, record in enumerate(log) if record.offset >= committed), len(log))
        self.chunkers[partition] = Chunker(SourcePartition("request-events", partition))

    def give_up(self, partition: int) -> None:
        """Forget all about a partition."""
        del self.chunkers[partition], self.reading[partition]

    def read(self, partition: int, count: int) -> None:
        """Take the next batch."""
        at = self.reading[partition]
        take(self.chunkers[partition], self.cluster.logs[partition][at : at + count])
        self.reading[partition] = min(at + count, len(self.cluster.logs[partition]))

    def flush(self, partition: int, *, lost_after: int | None = None) -> None:
        """Journal what is new; commit once all of it is acknowledged. `lost_after` records the broker went away."""
        log = self.cluster.logs[partition]
        end = self.cluster.rng.choice((0, log[-1].offset + 1 if log else 0))  # known, or not yet
        partials, commit, *_ = self.chunkers[partition].flush(end)
        self.cluster.journal += [encode(partial) for partial in partials[:lost_after]]
        if lost_after is None and commit is not None and not self.zombie and self.cluster.rng.random() < 0.7:
            self.cluster.committed[partition] = max(self.cluster.committed[partition], commit)


@dataclass
class Cluster:
    """Logs, committed offsets, the journal, and the worker that owns each partition, with the zombies before it."""

    rng: random.Random
    logs: list[list[SourceRecord]]
    committed: list[int]
    journal: list[bytes] = field(default_factory=list)
    workers: dict[int, list[Worker]] = field(default_factory=dict)

    def assign(self, partition: int, worker: Worker) -> None:
        """Make this worker the owner, and the one before it a zombie."""
        before = self.workers.get(partition, [])
        for each in before:
            each.zombie = True
        worker.take_over(partition)
        self.workers[partition] = [*before[-1:], worker]

    def act(self) -> None:
        """Let something happen."""
        rng = self.rng
        partition = rng.randrange(len(self.logs))
        worker = rng.choice(self.workers[partition])
        worker.read(partition, rng.choice([1, 3, 10, 60]))
        if rng.random() < 0.6:
            worker.flush(partition)
        fate = rng.random()
        if fate < 0.04:  # the owner crashes: what it had not flushed is gone
            self.workers[partition] = []
            self.assign(partition, Worker(self))
        elif fate < 0.07:  # it crashes in the middle of a flush
            self.workers[partition][-1].flush(partition, lost_after=rng.randint(0, 2))
            self.workers[partition] = []
            self.assign(partition, Worker(self))
        elif fate < 0.11:  # rebalance: another takes over while this one goes on writing
            self.assign(partition, Worker(self))
        elif fate < 0.16:  # the zombie dies
            self.workers[partition] = self.workers[partition][-1:]

    def finish(self) -> None:
        """Read all logs to their ends."""
        for partition, log in enumerate(self.logs):
            self.assign(partition, last := Worker(self))
            last.read(partition, len(log))
            last.flush(partition)


def repeated(rng: random.Random, journal: list[bytes]) -> list[bytes]:
    """Return the journal as an at-least-once producer writes it: some stretches twice."""
    out: list[bytes] = []
    for value in journal:
        out.append(value)
        if rng.random() < 0.05:
            out += out[-rng.randint(1, 6) :]
    return out


def joined(journal: list[bytes]) -> dict[str, Join]:
    """Fold a journal's bytes into one join per rollout."""
    joins: dict[str, Join] = {}
    for value in journal:
        partial = decode(value)
        assert isinstance(partial, Partial)
        joins.setdefault(partial.rollout, Join()).apply(partial)
    return joins


def panes_of(joins: dict[str, Join]) -> Sums:
    """Take every cell out of the joins, pane by pane, as the judge does."""
    out: Sums = {}
    for rollout, join in joins.items():
        cells: dict[CellKey, Cell] = {}
        while (start := join.next_cell()) is not None:
            taken = join.close(start, start + CELL_MS)
            cells |= {(cohort, start, False): cell for cohort, cell in taken.cells.items()}
            cells |= {(cohort, start, True): cell for cohort, cell in taken.synthetic.items()}
        out[rollout] = cells
    return out


def run(seed: int, partitions: int, size: int, actions: int) -> None:
    """Run one schedule and compare with the recount: counts, histograms and details."""
    rng = random.Random(seed)
    logs = [a_log(rng, rng.randint(1, size)) for _ in range(partitions)]
    cluster = Cluster(rng, logs, [0] * partitions)
    for partition in range(partitions):
        cluster.assign(partition, Worker(cluster))
    for _ in range(actions):
        cluster.act()
    cluster.finish()
    assert panes_of(joined(repeated(rng, cluster.journal))) == recount(logs)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(0, 120))
def test_any_schedule_counts_each_event_once(seed: int, partitions: int, actions: int) -> None:
    """Cuts, flush times, crashes, lost commits, zombies, rebalances and repeats: the panes are those of one pass."""
    run(seed, partitions, 120, actions)


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 300))
def test_any_long_schedule_counts_each_event_once(seed: int, partitions: int, actions: int) -> None:
    """The same, for as many schedules as the model was run on."""
    run(seed, partitions, 300, actions)


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


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 200))
def test_snapshot_of_a_join_goes_on_the_same(seed: int, cut: int) -> None:
    """A join that went through JSON at any point gives the same panes."""
    rng = random.Random(seed)
    cluster = Cluster(rng, [a_log(rng, 80)], [0])
    cluster.assign(0, Worker(cluster))
    for _ in range(40):
        cluster.act()
    cluster.finish()
    joins = {name: reloaded_join(join) for name, join in joined(cluster.journal[:cut]).items()}
    for value in cluster.journal[cut:]:
        partial = decode(value)
        assert isinstance(partial, Partial)
        joins.setdefault(partial.rollout, Join()).apply(partial)
    assert panes_of(joins) == recount(cluster.logs)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 100_000))
def test_late_events_are_counted_once_and_never_applied(seed: int, closed_ms: int) -> None:
    """Users' requests for a closed pane are counted as late exactly once, however often sent; the rest is exact."""
    rng = random.Random(seed)
    logs = [a_log(rng, 80), a_log(rng, 80)]
    cluster = Cluster(rng, logs, [0, 0])
    for partition in range(2):
        cluster.assign(partition, Worker(cluster))
    for _ in range(40):
        cluster.act()
    cluster.finish()
    closed = T0 + closed_ms // CELL_MS * CELL_MS
    joins = {name: Join() for name in ROLLOUTS}
    late: dict[str, Counter[str]] = {name: Counter() for name in ROLLOUTS}
    for join in joins.values():
        join.close(0, closed)
    for value in repeated(rng, cluster.journal):
        partial = decode(value)
        assert isinstance(partial, Partial)
        late[partial.rollout] += joins[partial.rollout].apply(partial)
    truth = recount(logs)
    for name in ROLLOUTS:
        cells = truth.get(name, {})
        for cohort in COHORTS:
            before = [
                cell.requests
                for (whose, at, synthetic), cell in cells.items()
                if whose == cohort and at < closed and not synthetic
            ]
            assert late[name][cohort] == sum(before)
        open_cells = {key: cell for key, cell in cells.items() if key[1] >= closed}
        assert panes_of({name: joins[name]})[name] == open_cells


def test_a_clock_far_ahead_is_counted_at_the_records_time() -> None:
    """An event further ahead of its record than `max_future` counts at the record's time, and is reported."""
    chunker = Chunker(SourcePartition("e", 0), max_future_ms=60_000)
    event = RequestEvent(ts_ms=T0 + 60_001, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
    near = RequestEvent(ts_ms=T0 + 60_000, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
    chunker.count_records([SourceRecord(0, T0, [event, near])])
    flush = chunker.flush()
    (partial,) = flush.partials
    assert [cell.start for cell in partial.cells] == [T0, T0 + 60_000]
    assert (flush.limited.clamped, flush.newest) == (1, T0 + 60_000)


def test_the_rule_is_the_one_that_is_known_by_its_absence() -> None:
    """A build that cuts otherwise must state its rule in each record, and never by changing what absence means."""
    assert (rule(), CHUNK_RULE) == ("4096.10000", "4096.10000")
    (partial,) = _of_one_event().flush().partials
    assert b"rule" not in encode(partial)


def _of_one_event() -> Chunker:
    chunker = Chunker(SourcePartition("e", 0))
    event = RequestEvent(ts_ms=T0, rollout="checkout", cohort="canary", status=200, latency_ms=1.0)
    chunker.count_records([SourceRecord(0, T0, [event])])
    return chunker


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


@pytest.mark.parametrize(
    "cells",
    [
        [["canary", T0, [0, 1, 0], [], []]],
        [["canary", T0, [0, -1, 0, 0, 0, 0, 0], [], []]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5, 4], [1, 1]]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [-1]]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [1], False, [-1, 0, [], [0] * 14, {}, []]]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [1], False, [0, 0, [], [0] * 13, {}, []]]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [1], False, [0, 0, [2, 1], [0] * 14, {}, []]]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [1], False, [0, 0, [], [0] * 14, {}, [1 << 32]]]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [1], False, [0, 0, [*range(33)], [0] * 14, {}, []]]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [1], False, [0, 0, [], [0] * 14, {"x": [[1], [0]]}, []]]],
    ],
)
def test_a_partial_that_is_none_is_refused(cells: list[object]) -> None:
    """Wrong numbers of classes, negative counts, broken histograms and samples never reach a pane: ValueError."""
    document = {
        "schema": "sluicegate.partial/v1",
        "rollout": "checkout",
        "source": ["e", 0],
        "start": 0,
        "upto": 1,
        "final": False,
        "cells": cells,
    }
    partial = decode(orjson.dumps(document))
    assert isinstance(partial, Partial)
    with pytest.raises(ValueError, match=r"count|bucket|sample"):
        Join().apply(partial)
