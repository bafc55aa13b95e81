"""The judge: a fold over one journal partition. Pure: a replay of the same records gives the same outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from gates.decisions import Command, Decision
from gates.gate import Gate
from gates.machine.rollout import Acked, Controlled, Moment, Started
from gates.machine.transitions import Signal
from gates.panes import Pane
from gates.policy import Policy, PolicyError
from streams.journal import (
    CELL_MS,
    CHUNK_RULE,
    Ack,
    Control,
    Partial,
    Partials,
    Progress,
    Record,
    Spoken,
    Start,
    Timing,
)
from streams.judge.join import Join
from streams.judge.replay_guard import Words
from streams.judge.watermarks import Reading, Watermarks

LONGEST_SILENT_WALK_MS = 3_600_000
"""A longer stretch without events is stepped over in one pane; what follows from silence follows all the same."""

MOST_UNJUDGED = 1_000
"""Rollouts that events name but no policy governs: so many are followed per journal partition, the rest are ignored."""

CONTROLS = {
    "pause": Signal.OPERATOR_PAUSE,
    "resume": Signal.OPERATOR_RESUME,
    "approve": Signal.OPERATOR_APPROVE,
    "rollback": Signal.OPERATOR_ROLLBACK,
    "promote": Signal.OPERATOR_PROMOTE,
}


@dataclass(frozen=True, slots=True)
class Status:
    """Where a rollout stands after this record, for `gate-status`."""

    rollout: str
    document: dict[str, object]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A decision's weights were confirmed: how long after the decision's event time, in milliseconds of wall time."""

    rollout: str
    action: str
    status: str
    took_ms: int | None


@dataclass(frozen=True, slots=True)
class Late:
    """Events that came after their pane was judged."""

    rollout: str
    events: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """Counts of a build that cuts chunks by another rule: they are refused, as they cannot be joined with others."""

    rule: str


Outcome = Decision | Command | Status | Acknowledged | Late | Foreign


@dataclass(slots=True)
class Rollout:
    """One rollout in the fold: its join, its gate once a policy started it, and how far operators were heard.

    `seen` has the greatest offset per origin partition: what the sequencer repeats is not heard twice. `words` are the
    signed ones: what an attacker repeats is not heard twice either. `changed` says that a snapshot is due.
    """

    join: Join = field(default_factory=Join)
    gate: Gate | None = None
    timing: Timing = field(default_factory=Timing)
    seen: dict[str, int] = field(default_factory=dict)
    words: Words = field(default_factory=Words)
    late: int = 0
    snapshot_offset: int = -1
    changed: bool = False

    @property
    def ended(self) -> bool:
        """Rolled back or promoted: nothing more is judged, and no snapshot need follow."""
        return self.gate is not None and self.gate.ended

    def heard(self, record: Spoken) -> bool:
        """Tell whether this operator's or actuator's word was taken in before; from now on it was."""
        origin = record.origin
        if origin is None:
            return False
        key = f"{origin.topic}/{origin.partition}"
        if origin.offset <= self.seen.get(key, -1):
            return True
        self.seen[key] = origin.offset
        return False

    def dump(self) -> dict[str, object]:
        """Everything as JSON values, for a snapshot."""
        return {
            "join": self.join.dump(),
            "gate": None if self.gate is None else self.gate.dump(),
            "timing": msgspec.to_builtins(self.timing),
            "seen": dict(self.seen),
            "words": self.words.dump(),
            "late": self.late,
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Rollout:
        """The rollout that `dump` described."""
        return cls(
            join=Join.load(state["join"]),
            gate=None if state["gate"] is None else Gate.load(state["gate"]),
            timing=msgspec.convert(state["timing"], Timing),
            seen=dict(state["seen"]),
            words=Words(state.get("words")),
            late=state["late"],
        )


class Fold:
    """The state of one journal partition: `apply` each record in order of offsets."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.marks = Watermarks()
        self.rollouts: dict[str, Rollout] = {}
        self.offset = -1
        self.digest = 0  # of the record there, for whoever reads it again; 0 where nobody said
        self.ignored = 0
        self._unjudged: set[str] | None = None

    def apply(self, record: Record, offset: int) -> list[Outcome]:
        """Take in the record at `offset`; returns what is to be published, in order.

        Raises:
            ReplayedError: an operator's signed word was heard before; nothing follows from it.
        """
        self.offset = offset
        match record:
            case Partials():
                return [outcome for partial in record.partials for outcome in self._partial(partial, offset)]
            case Partial():
                return self._partial(record, offset)
            case Progress() if record.rule != CHUNK_RULE:
                return [Foreign(record.rule)]
            case Progress():
                return self._progress(record, offset)
            case Start():
                return self._start(record, offset)
            case Control() | Ack():
                return self._spoken(record, offset)

    def _partial(self, record: Partial, offset: int) -> list[Outcome]:
        if record.rule != CHUNK_RULE:
            return [Foreign(record.rule)]
        rollout = self.rollouts.get(record.rollout)
        if rollout is None:
            if len(self._without_policy()) >= MOST_UNJUDGED:
                self.ignored += 1
                return []
            rollout = self._open(record.rollout)
            rollout.join.closed_until = self._watermark(rollout.timing) or 0
        if offset <= rollout.snapshot_offset:
            return []
        rollout.changed = rollout.changed or not rollout.ended
        late = rollout.join.apply(record)
        if rollout.gate is None or not late:
            return []
        cohorts = rollout.gate.state.policy.cohorts
        rollout.late += late.get(cohorts.candidate, 0) + late.get(cohorts.baseline, 0)
        return [Late(record.rollout, sum(late.values()))]

    def _open(self, name: str) -> Rollout:
        """A rollout named for the first time: no policy governs it yet."""
        self._without_policy().add(name)
        rollout = self.rollouts[name] = Rollout()
        return rollout

    def _without_policy(self) -> set[str]:
        """The rollouts that no policy governs; looked for once, and kept from then on."""
        if self._unjudged is None:
            self._unjudged = {name for name, rollout in self.rollouts.items() if rollout.gate is None}
        return self._unjudged

    def _watermark(self, timing: Timing) -> int | None:
        reading = self.marks.read(timing).watermark
        return None if reading is None else reading - reading % CELL_MS

    def _progress(self, record: Progress, offset: int) -> list[Outcome]:
        self.marks.apply(record)
        outcomes: list[Outcome] = []
        readings: dict[Timing, Reading] = {}
        unjudged_until = self._watermark(Timing())
        for name, rollout in list(self.rollouts.items()):
            if offset <= rollout.snapshot_offset:
                continue
            if rollout.gate is None:
                self._drop_judged(name, rollout, unjudged_until)
            else:
                reading = readings.get(rollout.timing) or self.marks.read(rollout.timing)
                readings[rollout.timing] = reading
                outcomes += self._judge(name, rollout, rollout.gate, reading, offset)
        return outcomes

    def _drop_judged(self, name: str, rollout: Rollout, until: int | None) -> None:
        """Nobody asked for this rollout yet: keep only what a policy that comes now would still judge."""
        if until is not None and until > rollout.join.closed_until:
            rollout.join.take(until, until)
            rollout.changed = True
        if rollout.join.next_cell() is None:
            del self.rollouts[name]
            self._without_policy().discard(name)

    def _judge(self, name: str, rollout: Rollout, gate: Gate, reading: Reading, offset: int) -> list[Outcome]:
        pane_ms = gate.state.policy.pane_ms
        due = reading.watermark is not None and rollout.join.closed_until + pane_ms <= reading.watermark
        if not due and gate.state.pending is None:
            return []  # as at most progress records
        outcomes: list[Outcome] = []
        judged, ended = False, gate.ended  # as it stood before: the pane that ends it is news too
        if reading.watermark is not None:
            for start, end in _panes(rollout.join, reading.watermark, pane_ms):
                taken = rollout.join.take(start, end)
                pane = Pane(start, end, taken.cells, reading.complete, rollout.late, reading.broken, taken.synthetic)
                rollout.late = 0
                outcomes += gate.pane(pane, self._moment(end, offset))
                judged = True
        rollout.changed |= judged and not ended
        moment = self._moment(_judged_until(rollout), offset)
        before = gate.state
        outcomes += gate.tick(moment)
        rollout.changed |= gate.state is not before  # a round of tries may end without a word
        if outcomes or (judged and not gate.ended):
            outcomes.append(Status(name, gate.status(moment)))
        return outcomes

    def _moment(self, event_time: int, offset: int) -> Moment:
        return Moment(event_time, self.marks.newest, self.marks.wall, (self.partition, offset))

    def _start(self, record: Start, offset: int) -> list[Outcome]:
        rollout = self.rollouts.get(record.rollout) or self._open(record.rollout)
        if offset <= rollout.snapshot_offset or rollout.heard(record):
            return []
        rollout.changed = True
        rollout.words.hear(record, self.marks.wall)
        try:
            policy = Policy.parse(record.policy)
        except PolicyError:
            return []  # the sequencer lets none through; one that another build let through starts nothing
        if policy.rollout != record.rollout:
            return []  # nor one for another rollout
        if rollout.gate is not None and not rollout.ended and rollout.gate.state.policy.hash == policy.hash:
            return []  # started already
        rollout.timing = record.timing or Timing()
        known = self._watermark(rollout.timing)
        now = (record.sequenced_at or record.at) if known is None else max(known, self.marks.newest)
        now = max(now, rollout.join.closed_until)
        now += -now % policy.pane_ms  # what happened before the order is not held against it
        rollout.join.take(now, now)
        rollout.join.opened_at, rollout.late = now, 0
        moment = replace(self._moment(now, offset), wall=self.marks.wall or record.sequenced_at or record.at)
        rollout.gate, outputs = Gate.begin(rollout.gate, Started(policy, record.by, record.reason), moment)
        self._without_policy().discard(record.rollout)
        return [*outputs, Status(record.rollout, rollout.gate.status(moment))]

    def _spoken(self, record: Control | Ack, offset: int) -> list[Outcome]:
        rollout = self.rollouts.get(record.rollout)
        if rollout is None or rollout.gate is None or offset <= rollout.snapshot_offset or rollout.heard(record):
            return []
        rollout.changed = True
        if isinstance(record, Control):
            rollout.words.hear(record, self.marks.wall)
        gate, moment = rollout.gate, self._moment(_heard_at(rollout, record, self.marks.newest), offset)
        outcomes: list[Outcome] = []
        if isinstance(record, Control):
            word = Controlled(CONTROLS[record.control], record.by, record.reason, record.epoch)
            outcomes += gate.control(word, moment)
        else:
            awaited, last = gate.state.pending, gate.state.last
            acked = Acked(record.epoch, record.sequence, record.status == "applied", record.weights, record.actuator)
            gate.ack(acked, moment)
            if last is not None:
                confirmed = awaited is not None and gate.state.pending is None
                took = max(0, record.at - last.event_time) if confirmed else None
                outcomes.append(Acknowledged(record.rollout, last.action.value, record.status, took))
        return [*outcomes, Status(record.rollout, gate.status(moment))]


def _judged_until(rollout: Rollout) -> int:
    """How far the rollout is judged, in event time; once it has ended, and no snapshot tells, until its end."""
    last = None if rollout.gate is None else rollout.gate.state.last
    return last.event_time if rollout.ended and last is not None else rollout.join.closed_until


def _heard_at(rollout: Rollout, record: Control | Ack, newest: int) -> int:
    """The event time of a word: how far the rollout is judged; of an order after its end, how far events have come."""
    until = _judged_until(rollout)
    return max(until, newest) if rollout.ended and isinstance(record, Control) else until


def _panes(join: Join, watermark: int, pane_ms: int) -> Iterator[tuple[int, int]]:
    """The panes that the watermark closes now, in order; `join` is consumed while this runs."""
    while (start := join.closed_until) + pane_ms <= watermark:
        if watermark - start > LONGEST_SILENT_WALK_MS:
            next_cell = join.next_cell()
            resume = watermark if next_cell is None else min(next_cell, watermark)
            skipped = (resume - start) // pane_ms - 1
            if skipped * pane_ms > LONGEST_SILENT_WALK_MS:
                start += skipped * pane_ms
                join.closed_until = start
        yield start, start + pane_ms
