"""Everything between the events and the decisions in one model, thousands of times: no broker, no clock, no process.

Workers with the real `Chunker` read logs that grow, flush, report, crash, stop and come back as zombies; judges with
the real `Fold` crash and go on from the real snapshots, of which some are lost. Whatever the schedule: panes hold what
the logs hold, no event is late, and the judges that crashed decided what one that did not would have.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from connectors.decoders import RequestEvent
from gates.decisions import Decision
from gates.gate import Gate
from gates.machine.rollout import Moment
from gates.panes import Pane
from gates.rules import CURRENT
from streams.cells import SourcePartition
from streams.ingest.chunks import Chunker, Place, SourceRecord
from streams.journal import Progress, Record, SourceProgress, Start, Timing, encode_document
from streams.journal import decode as decode_record
from streams.journal import encode as encode_record
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from streams.judge.snapshots import snapshot
from streams.judge.sources import SourceHole
from tests.pipeline.harness import POLICY
from tests.streams.judge.restarts import restored

T0 = 1_767_225_600_000
PARTITIONS = 2
STEP_MS = 250
TIMING = Timing(out_of_orderness=500, idle_timeout=2_000, stall_timeout=60_000)


@dataclass
class Reader:
    """A worker's hold on one source partition."""

    partition: int
    at: int
    chunker: Chunker
    pending: list[Record] = field(default_factory=list)
    commit: int | None = None
    away: int = 0


@dataclass
class Model:
    """The logs, who reads them, the journal, the snapshots, and the time."""

    rng: random.Random
    now: int = T0
    logs: list[list[SourceRecord]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    committed: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    journal: list[bytes] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    zombies: list[Reader] = field(default_factory=list)
    snapshots: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    decisions: dict[str, bytes] = field(default_factory=dict)
    fold: Fold = field(default_factory=lambda: Fold(0))
    meddled: float = 0.0

    def produce(self) -> None:
        """Some events, up to half a second old."""
        for log in self.logs:
            if self.rng.random() < 0.8:
                ages = [self.rng.randrange(500) for _ in range(self.rng.randint(0, 3))]
                events = [self._event(age) for age in ages]
                log.append(SourceRecord(len(log), self.now, events))

    def _event(self, age: int) -> RequestEvent:
        cohort = self.rng.choice(("stable", "canary"))
        return RequestEvent(ts_ms=self.now - age, rollout="checkout-v2", cohort=cohort, status=200, latency_ms=1.0)

    def open(self, partition: int) -> Reader:
        """A worker takes over where the group committed, as soon as the group has noticed."""
        place = Place(self.committed[partition], 0)
        chunker = Chunker(SourcePartition("events", partition), place=place)
        return Reader(partition, self.committed[partition], chunker, away=self.rng.choice((0, 0, 1, 24)))

    def read(self, reader: Reader) -> None:
        """Read on, and make ready what a flush writes: versions, and then the report."""
        log = self.logs[reader.partition]
        upto = min(len(log), reader.at + self.rng.choice((1, 3, 50)))
        reader.chunker.count_records(log[reader.at : upto])
        reader.at = upto
        flush = reader.chunker.flush(len(log))
        partials, commit = flush.partials, flush.commit
        caught_up = flush.all_read and upto == len(log)
        place = reader.chunker.place
        reached = place.offset if flush.position is None else flush.position
        report = SourceProgress(reader.chunker.source, reached, flush.newest, caught_up, 0, *place)
        names = {"events": PARTITIONS}
        progress = Progress(worker=f"w{id(reader)}", wall=self.now, sources=[report], partitions=names)
        reader.pending += [*partials, progress]
        reader.commit = commit if reader.commit is None else max(commit or 0, reader.commit)

    def write(self, reader: Reader, count: int | None = None) -> None:
        """Journal what is pending, or only some records of it; commit once all of it is journaled."""
        due = reader.pending[:count]
        del reader.pending[: len(due)]
        self.journal += [encode_record(record) for record in due]
        if not reader.pending and reader.commit is not None and reader in self.readers:
            self.committed[reader.partition], reader.commit = reader.commit, None

    def step(self) -> None:
        """A quarter of a second in which something happens."""
        self.now += STEP_MS
        self.produce()
        for number, reader in enumerate(self.readers):
            if reader.away:
                reader.away, reader.at = reader.away - 1, self.committed[reader.partition]
                reader.chunker.place = Place(reader.at, 0)
                continue
            fate = self.rng.random()
            if fate < 0.02:  # crashes in the middle of a flush
                self.read(reader)
                self.write(reader, self.rng.randint(0, len(reader.pending)))
                self.readers[number] = self.open(reader.partition)
            elif fate < 0.04:  # is stopped before it wrote all, and another takes over
                self.read(reader)
                self.write(reader, self.rng.randint(0, len(reader.pending)))
                self.zombies.append(reader)
                self.readers[number] = self.open(reader.partition)
            elif fate < 0.9:
                self.read(reader)
                self.write(reader)
            elif fate < 0.9 + self.meddled:  # somebody moves the offsets of the group, and a worker begins there
                self.committed[reader.partition] = self.rng.randint(0, len(self.logs[reader.partition]))
                self.readers[number] = self.open(reader.partition)
        if self.zombies and self.rng.random() < 0.2:  # one continues; its commit is refused
            self.write(self.zombies.pop(self.rng.randrange(len(self.zombies))))
        self.journal.append(encode_record(Progress(worker="clock", wall=self.now, sources=[])))
        self.judge()

    def judge(self) -> None:
        """Fold what is new; now and then take a snapshot, lose one, crash."""
        for offset in range(self.fold.offset + 1, len(self.journal)):
            for outcome in self.fold.apply(decode_record(self.journal[offset]), offset):
                if isinstance(outcome, Decision):
                    encoded = encode_document(outcome.document())
                    assert self.decisions.setdefault(outcome.id, encoded) == encoded
        fate = self.rng.random()
        if fate < 0.2:
            taken = snapshot(self.fold)
            self.snapshots += taken[: self.rng.randint(0, len(taken))] if fate < 0.04 else taken
        if self.rng.random() < 0.05:
            kept = self.snapshots + self.snapshots[:2] if self.rng.random() < 0.2 else self.snapshots
            self.fold = restored(0, kept)


def played(model: Model, steps: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Pane], list[FoldOutput]]:
    """Play a schedule, and fold its journal again; returns the panes and the outputs of that."""
    model.readers = [model.open(number) for number in range(PARTITIONS)]
    for reader in model.readers:
        reader.away = 0
        model.read(reader)  # a source that was never reported is not waited for
        model.write(reader)
    policy = POLICY.document()
    start = Start(rollout="checkout-v2", policy=policy, by="t", at=T0, sequenced_at=T0, rules=CURRENT, timing=TIMING)
    model.journal.append(encode_record(start))
    for _ in range(steps):
        model.step()
    panes: list[Pane] = []
    observe = Gate.pane

    def spy(gate: Gate, pane: Pane, moment: Moment) -> object:
        panes.append(pane)
        return observe(gate, pane, moment)

    with monkeypatch.context() as patched:
        patched.setattr(Gate, "pane", spy)
        fold = Fold(0)
        again = [outcome for at, value in enumerate(model.journal) for outcome in fold.apply(decode_record(value), at)]
    decided = {each.id: encode_document(each.document()) for each in again if isinstance(each, Decision)}
    assert decided == model.decisions
    return panes, again


def lacking(model: Model, panes: list[Pane]) -> Iterator[tuple[Pane, str, int]]:
    """Return how many events of a cohort each pane lacks."""
    events = [event for log in model.logs for record in log for event in record.events]
    for pane in panes:
        for cohort in ("stable", "canary"):
            true = sum(event.cohort == cohort and pane.start <= event.ts_ms < pane.end for event in events)
            yield pane, cohort, true - pane.cell(cohort).requests


def run(seed: int, steps: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """One schedule, and what must hold; how many panes it came to."""
    model = Model(random.Random(seed))
    panes, outputs = played(model, steps, monkeypatch)
    assert not any(isinstance(output, SourceHole) for output in outputs)
    assert not any(pane.refused or pane.late for pane in panes)
    assert not any(number for _, _, number in lacking(model, panes))
    return len(panes)


@pytest.mark.parametrize("block", range(4))
def test_offsets_that_somebody_moves(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Back, ahead, into a chunk: nothing counts twice, and no complete pane lacks what is not reported."""
    holes = overlaps = 0
    for seed in range(block * 40, block * 40 + 40):
        model = Model(random.Random(seed), meddled=0.05)
        panes, outputs = played(model, 80, monkeypatch)
        holes += any(isinstance(output, SourceHole) for output in outputs)
        reported: Counter[str] = Counter()
        for pane in panes:
            reported.update(pane.late)
            reported.update(pane.refused)
        overlaps += reported["canary"] > 0
        for pane, cohort, number in lacking(model, panes):
            assert number >= 0
            assert not (number and pane.complete) or reported[cohort], (seed, pane)
    assert holes > 5
    assert overlaps > 5


@pytest.mark.parametrize("block", range(4))
def test_any_schedule(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many short schedules."""
    panes = [run(seed, 80, monkeypatch) for seed in range(block * 40, block * 40 + 40)]
    assert sum(panes) > 200


@pytest.mark.slow
def test_any_long_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of longer ones."""
    for seed in range(10_000, 10_300):
        run(seed, 120, monkeypatch)
