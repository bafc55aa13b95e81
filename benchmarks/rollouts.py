"""The cost of judging many rollouts of two cohorts and four checks, in one process and without a broker.

The code measured is the judge's own (`streams.judge`): decode a record, join its counts, evaluate the panes that the
watermark closes, encode each rollout's status, snapshot what changed. Only fetching and sending are left out.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from aiokafka.codec import zstd_encode

from benchmarks.columns import milliseconds as columns_ms
from benchmarks.fleet import FLUSHES_A_SECOND, Fleet
from benchmarks.measure import Row, Size
from streams.journal import Progress, bundled, decode, encode, encode_document
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput, RolloutStatus
from streams.judge.snapshots import snapshot
from streams.runtime import rollout_metrics
from streams.worker.app import collect_rarely

PART = "rollouts"
RATE = 10.0
"""Events a second of each rollout."""

WARM_UP_S = 65
"""Seconds of event time before anything is measured: by then the longest window is full."""

SNAPSHOT_EVERY_S = 5
STEPS = ("decode", "join", "evaluate", "publish", "snapshot")

T = TypeVar("T")


@dataclass(slots=True)
class Judged:
    """What judging some seconds of event time cost: CPU nanoseconds by step, bytes read and written by kind, counts."""

    seconds: int
    cpu: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    records: int = 0
    evaluated: int = 0


class Judging:
    """One journal partition, judged second by second, with the cost of each step."""

    def __init__(self, rollouts: int, rate: float) -> None:
        self.fold = Fold(0)
        self._fleet = Fleet(rollouts, rate)
        self._offset = -1
        for record in self._fleet.opening():
            self._apply(encode(record), Counter())

    def advance(self, seconds: int) -> Judged:
        """Judge this many more seconds of event time."""
        done = Judged(seconds)
        for flush in range(seconds * FLUSHES_A_SECOND):
            partials, progress = self._fleet.flush()
            values = [*bundled(map(encode, partials)), encode(progress)]
            outcomes = [outcome for value in values for outcome in self._apply(value, done.cpu)]
            statuses = [outcome for outcome in outcomes if isinstance(outcome, RolloutStatus)]
            status_bytes = _timed(done.cpu, "publish", _encoded_bytes, statuses)
            if (flush + 1) % (SNAPSHOT_EVERY_S * FLUSHES_A_SECOND) == 0:
                raw, packed = _timed(done.cpu, "snapshot", _snapshots, self.fold)
                done.bytes.update({"snapshots": raw, "snapshots, zstd": packed})
            done.bytes.update(journal=sum(map(len, values)), statuses=status_bytes)
            done.records += len(values)
            done.evaluated += len(statuses)
        return done

    def _apply(self, value: bytes, cpu: Counter[str]) -> list[FoldOutput]:
        self._offset += 1
        record = _timed(cpu, "decode", decode, value)
        step = "evaluate" if isinstance(record, Progress) else "join"
        return _timed(cpu, step, self.fold.apply, record, self._offset)


def _timed(cpu: Counter[str], step: str, work: Callable[..., T], *given: object) -> T:
    began = time.process_time_ns()
    try:
        return work(*given)
    finally:
        cpu[step] += time.process_time_ns() - began


def _encoded_bytes(statuses: list[RolloutStatus]) -> int:
    """Show and encode statuses as the judge does; returns their size in bytes."""
    for status in statuses:
        rollout_metrics.show_status(status.document)
    return sum(len(encode_document(status.document)) for status in statuses)


def _snapshots(fold: Fold) -> tuple[int, int]:
    """The bytes of the snapshots due, before and after the compression by the judge's producer."""
    records = snapshot(fold)
    return sum(len(value) for _, value in records), len(zstd_encode(b"".join(value for _, value in records)))


def run(_bootstrap: str, size: Size) -> Iterator[Row]:
    """Measure; needs no broker."""
    smoke = size.name == "smoke"
    collect_rarely()  # as a worker does
    for rollouts in (2, 5) if smoke else (10, 100, 1_000):
        judging = Judging(rollouts, RATE)
        judging.advance(SNAPSHOT_EVERY_S if smoke else WARM_UP_S)
        case = f"{rollouts:,} rollouts"
        yield from rows(case, [judging.advance(SNAPSHOT_EVERY_S) for _ in range(size.runs)])
        columns = tuple(columns_ms(rollouts, SNAPSHOT_EVERY_S) for _ in range(size.runs))
        yield Row(PART, "prototype: evidence in columns", case, "ms/s", columns)


def rows(case: str, runs: list[Judged]) -> Iterator[Row]:
    """The figures of one case; CPU is in milliseconds for each second of event time."""

    def row(what: str, unit: str, values: Iterable[float]) -> Row:
        return Row(PART, what, case, unit, tuple(values))

    yield row("evaluated", "1/s per core", (one.evaluated / (one.cpu["evaluate"] / 1e9) for one in runs))
    for step in STEPS:
        yield row(step, "ms/s", (one.cpu[step] / 1e6 / one.seconds for one in runs))
    yield row("all of it", "cores", (one.cpu.total() / 1e9 / one.seconds for one in runs))
    yield row("journal records", "1/s", (one.records / one.seconds for one in runs))
    for kind in ("journal", "snapshots", "snapshots, zstd", "statuses"):
        yield row(kind, "bytes/s", (one.bytes[kind] / one.seconds for one in runs))
