"""Ingest and judge together, without a broker: whatever befalls the writers, each event is counted exactly once.

A source partition is a log of decoded records. Workers read it from the last committed offset with the real `Chunker`
and append what it flushes to a journal; they crash, turn zombie (go on writing after a successor started), fail to
commit, and give partitions away. The journal repeats itself. The real `Join` must give what one pass gives.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoders import CLASS_INDEX, RequestEvent, Unreadable
from gates.panes import CLASSES, SAMPLE_SIZE, Cell, Detail
from gates.stats.histogram import Histogram
from gates.stats.value_counts import ValueCounts
from gates.statuses import CLASS_OF
from streams.cells import CELL_MS, CellKey, CellRecord, SourcePartition
from streams.ingest.chunks import MAX_FUTURE_MS, Chunker, SourceRecord
from streams.journal import Partial, decode, encode
from streams.judge.join import MOST_TOPICS, Join
from tests.streams.ingest.source_logs import COHORTS, ROLLOUTS, T0, a_log, take
from tests.streams.judge.restarts import reloaded_join

Sums = dict[str, dict[CellKey, Cell]]


def hashed(names: Iterable[str | None]) -> tuple[int, ...]:
    """Return the sample of these names' hashes, computed again from all names."""
    digests = {blake2b(name.encode(), digest_size=4, key=b"sluicegate").digest() for name in names if name}
    return tuple(sorted(int.from_bytes(digest, "big") for digest in digests)[:SAMPLE_SIZE])


def counts_as(event: RequestEvent) -> int | str | None:
    """Return what an event counts as, the test's own way: the first that it has of outcome, gRPC status and status.

    A gRPC status of 0 beside an HTTP error is as if there were none.
    """
    hidden = event.grpc_status == 0 and event.status is not None and (event.status >= 400 or event.status < 1)
    grpc = None if event.grpc_status is None or hidden else 1_000 + event.grpc_status
    return next((found for found in (event.outcome, grpc, event.status) if found is not None), None)


def grouped(named: list[tuple[str | None, RequestEvent]]) -> Counter[int]:
    """Return how many requests there are by outcome and group of the name, of those that have one."""
    of_groups = [(hashed([name])[0] % 8, event) for name, event in named if name]
    outcomes = [(group, counts_as(event)) for group, event in of_groups]
    return Counter(
        8 * (found if isinstance(found, int) and found in CLASS_OF else CLASS_INDEX[found]) + group
        for group, found in outcomes
    ) + Counter(8 * (101 - event.success) + group for group, event in of_groups if event.success is not None)


def detail_of(seen: list[RequestEvent]) -> Detail:
    """Return what the events of one cell have beyond outcomes and latencies, naively."""
    requests = [event for event in seen if not event.heartbeat]
    of_users = [(hashed([event.user])[0] % 2, event) for event in requests if event.user]
    halves = Counter((half, CLASS_INDEX[counts_as(event)]) for half, event in of_users)
    exact = Counter(2 * code + half for half, event in of_users for code in CLASS_OF if counts_as(event) == code)
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
        statuses=exact,
        user_groups=grouped([(event.user, event) for event in requests]),
        emitter_groups=grouped([(event.emitter, event) for event in requests]),
    )


def recount(logs: list[list[SourceRecord]]) -> Sums:
    """Count one pass over the logs, naively."""
    raw: dict[str, dict[CellKey, list[RequestEvent]]] = {}
    unreadable: Counter[tuple[str, CellKey]] = Counter()
    clamped: Counter[tuple[str, CellKey]] = Counter()
    for record in (record for log in logs for record in log):
        given: list[RequestEvent | Unreadable] = [*record.events, *record.unreadable]
        for each in given:
            far = each.ts_ms is None or each.ts_ms > record.timestamp + MAX_FUTURE_MS
            time = record.timestamp if each.ts_ms is None or far else each.ts_ms
            key = (each.cohort, time // CELL_MS * CELL_MS, bool(each.synthetic))
            of_rollout = raw.setdefault(each.rollout, defaultdict(list))[key]
            if isinstance(each, Unreadable):
                unreadable[each.rollout, key] += 1
            else:
                of_rollout.append(each)
                clamped[each.rollout, key] += far and not each.heartbeat
    return {
        rollout: {key: cell_of(seen, unreadable[rollout, key], clamped[rollout, key]) for key, seen in cells.items()}
        for rollout, cells in raw.items()
    }


def cell_of(seen: list[RequestEvent], unreadable: int, clamped: int) -> Cell:
    """Return the cell that these events make."""
    requests = [event for event in seen if not event.heartbeat]
    classes = Counter(CLASS_INDEX[counts_as(event)] for event in requests)
    exact = Counter(code for event in requests for code in CLASS_OF if counts_as(event) == code)
    latency = Histogram.of([event.latency_ms for event in requests if event.latency_ms is not None])
    counts = tuple(classes[index] for index in range(len(CLASSES)))
    return Cell(counts, latency, detail_of(seen), unreadable, clamped, exact)


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
    """Users' events for a closed pane are counted as late exactly once, however often sent; the rest is exact."""
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
        late[partial.rollout] += joins[partial.rollout].apply(partial).late
    truth = recount(logs)
    for name in ROLLOUTS:
        cells = truth.get(name, {})
        for cohort in COHORTS:
            before = [
                cell.requests + cell.unreadable
                for (whose, at, synthetic), cell in cells.items()
                if whose == cohort and at < closed and not synthetic
            ]
            assert late[name][cohort] == sum(before)
        open_cells = {key: cell for key, cell in cells.items() if key[1] >= closed}
        assert panes_of({name: joins[name]})[name] == open_cells


@pytest.mark.parametrize(
    "cells",
    [
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [1], False, None, -1]],
        [["canary", T0, [0, 1, 0, 0, 0, 0, 0], [5], [1], False, None, 0, 2]],
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


def a_version(upto: int, refused: dict[str, int], start: int = 0) -> Partial:
    """Return a version of a chunk without cells."""
    source = SourcePartition("e", 0)
    return Partial(rollout="r", source=source, start=start, upto=upto, final=False, cells=[], refused=refused)


def test_refused_requests_are_counted_once() -> None:
    """A version has all since the chunk began; only what is new in it is returned. The next chunk starts at zero."""
    join = Join()
    assert join.apply(a_version(5, {"canary": 3})).refused == {"canary": 3}
    join = reloaded_join(join)
    assert join.apply(a_version(5, {"canary": 3})).refused == {}
    assert join.apply(a_version(9, {"canary": 3, "stable": 2})).refused == {"stable": 2}
    assert join.apply(a_version(8, {"canary": 3})).refused == {}
    assert join.apply(a_version(12, {"canary": 1}, start=10)).refused == {"canary": 1}
    with pytest.raises(ValueError, match="negative"):
        join.apply(a_version(13, {"canary": -1}, start=10))
    assert join.apply(a_version(14, {"canary": 1}, start=10)).refused == {}


@given(st.lists(st.dictionaries(st.sampled_from(["canary", "stable", ""]), st.integers(0, 9)), max_size=8), st.data())
def test_refused_requests_add_up(steps: list[dict[str, int]], data: st.DataObject) -> None:
    """Whichever versions arrive, in whatever order and how often: what is returned adds up to the furthest of them."""
    total, versions = Counter[str](), []
    for upto, step in enumerate(steps, start=1):
        total.update(step)
        versions.append(a_version(upto, dict(total)))
    arrived = data.draw(st.lists(st.sampled_from(versions), max_size=20)) if versions else []
    join, found = Join(), Counter[str]()
    for version in arrived:
        found.update(join.apply(version).refused)
    furthest = max(arrived, key=lambda version: version.upto, default=a_version(0, {}))
    assert +found == +Counter(furthest.refused)


def test_refused_requests_of_an_overlapping_chunk_never_become_fewer() -> None:
    """A rollout is started again between two versions of the chunk: what counts from its start on moves."""
    source, join = SourcePartition("e", 0), Join()

    def apply(start: int, upto: int, requests: int) -> dict[str, int]:
        cells = [CellRecord.of("canary", T0 + at, Cell((0, requests, 0, 0, 0, 0, 0))) for at in (0, CELL_MS)]
        partial = Partial(rollout="r", source=source, start=start, upto=upto, final=False, cells=cells)
        return join.apply(partial).refused

    assert apply(0, 100, 50) == {}
    assert apply(50, 110, 30) == {"canary": 60}
    join.opened_at = T0 + CELL_MS
    assert apply(50, 120, 35) == {"canary": 10}


def of_topic(identity: str, upto: int, number: int, start: int = 0) -> Partial:
    """Return a version of a chunk of the topic with this identity that has this number of requests."""
    cells = [CellRecord("canary", 0, (number, *[0] * (len(CLASSES) - 1)), [], [])]
    source = SourcePartition("events", 0)
    return Partial(rollout="r", source=source, start=start, upto=upto, final=False, cells=cells, topic_id=identity)


@pytest.mark.parametrize(
    ("versions", "total"),
    [
        ([("X", 50, 50), ("Y", 10, 10), ("Y", 20, 20)], 70),
        ([("X", 50, 50), ("Y", 10, 10), ("X", 60, 60), ("X", 55, 55), ("Y", 10, 10)], 70),  # a slow worker
        ([("", 50, 50), ("X", 60, 60), ("X", 55, 55)], 60),  # the build before has no ids
        ([("X", 50, 50), ("", 60, 60), ("X", 70, 70)], 70),  # both at once
        ([("X", 50, 50), ("Y", 10, 10), ("", 20, 20)], 70),
        ([("X", 50, 50), ("X~7", 10, 10), ("X", 20, 20)], 70),  # its end went back, and the next worker does not know
        ([("", 50, 50), ("~7", 10, 10), ("", 20, 20), ("~9", 5, 5)], 75),
        ([("A", 50, 50), ("B", 10, 10), ("C", 20, 20), ("D", 1, 1), ("D", 2, 2)], 82),
    ],
)
def test_topics_that_are_made_again(versions: list[tuple[str, int, int]], total: int) -> None:
    """The same offsets of another topic are other events; each counts once, also after a restart at any place."""
    for restart in range(len(versions)):
        join = Join()
        for place, (identity, upto, number) in enumerate(versions):
            join = reloaded_join(join) if place == restart else join
            join.apply(of_topic(identity, upto, number))
        assert len(join.state().open) <= MOST_TOPICS
        assert join.close(0, 1_000).cells["canary"].requests == total
