"""The fold over one journal partition: records in, decisions and statuses out. Pure.

A replay of the same records gives the same outputs, because nothing but the records enters: no clock, no settings.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from gates.gate import Gate, refuse_start
from gates.machine.rollout import Moment
from gates.machine.starting import refusal_of_start
from gates.policy import Policy, PolicyError
from gates.rules import RULES
from streams.cells import CELL_MS
from streams.journal import CHUNK_RULE, Ack, Control, Freeze, Partial, Partials, Progress, Record, Start, Timing
from streams.judge.failures import pause_failed
from streams.judge.freezes import Freezes
from streams.judge.mending import mended
from streams.judge.orders import acknowledged, controlled, started
from streams.judge.outputs import (
    FoldOutput,
    ForeignCounts,
    FreezesStatus,
    LateEvents,
    RolloutSetAside,
    RolloutStatus,
    reported_settings,
)
from streams.judge.rollout import JudgedRollout
from streams.judge.set_aside import SetAside, SetAsideError, unjudgeable
from streams.judge.sources import offsets_missing
from streams.judge.waiting_cells import MOST_UNJUDGED_BYTES
from streams.judge.watermarks import EventTimeState, Watermarks

MOST_UNJUDGED = 1_000
"""Rollouts without a policy that are followed per journal partition. Anyone who may send events can name rollouts, so
their number must be bounded; counts of further ones are ignored."""


class FrozenError(ValueError):
    """A rollout that was never started cannot be started now."""

    reason = "frozen"


class Fold:
    """The state of one journal partition: `apply` each record in the order of offsets.

    `offset` and `digest` identify the record folded last (-1 and 0 before the first). `ignored` counts the partials
    that `MOST_UNJUDGED` left out. The rollouts in `set_aside` are not among `rollouts`: nothing is decided about them.
    """

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.marks = Watermarks()
        self.rollouts: dict[str, JudgedRollout] = {}
        self.set_aside: dict[str, SetAside] = {}
        self.freezes = Freezes()
        self.offset = -1
        self.digest = 0
        self.ignored = 0
        self._unjudged: set[str] | None = None

    def apply(self, record: Record, offset: int) -> list[FoldOutput]:
        """Apply the record at `offset`; returns what to publish, in order.

        Raises:
            ReplayedError: a signed order was seen before; it has no effect.
            FrozenError: the first start of a rollout was refused, so there is no status to report it in.
            SetAsideError: the order is for a rollout that is set aside.
            ValueError: a cell is malformed; the partial that it is in has no effect.
        """
        self.offset = offset
        match record:
            case Partials():
                return [output for partial in record.partials for output in self._partial(partial, offset)]
            case Partial():
                return self._partial(record, offset)
            case Progress() if record.rule != CHUNK_RULE:
                return [ForeignCounts(record.rule)]
            case Progress():
                return self._progress(record, offset)
            case Start() if record.rollout in self.set_aside:
                return self._start_again(record, offset)
            case Start():
                return self._start(record, offset)
            case Freeze():
                return self._freeze(record, offset)
            case Control() | Ack():
                return self._control_or_ack(record, offset)

    def _partial(self, record: Partial, offset: int) -> list[FoldOutput]:
        if record.rule != CHUNK_RULE:
            return [ForeignCounts(record.rule)]
        rollout = self.rollouts.get(record.rollout)
        if rollout is None:
            if record.rollout in self.set_aside:
                return []
            if len(self._without_policy()) >= MOST_UNJUDGED:
                self.ignored += 1
                return []
            rollout = self._open(record.rollout)
            # Event time before the watermark is closed for this rollout as for all others, although it was not judged.
            rollout.join.closed_until = self._closed_by(rollout.timing) or 0
        if offset <= rollout.snapshot_offset:
            return []  # the journal is read from the oldest snapshot on; this rollout's own one already has the record
        rollout.changed = rollout.changed or not rollout.ended
        checked = self.marks.is_checked(record.source)
        if rollout.gate is None:
            rollout.join.apply(record, MOST_UNJUDGED_BYTES, checked=checked)
            return []
        late, refused = rollout.join.apply(record, checked=checked)
        if not (late or refused):
            return []
        for cohort in rollout.cohorts:
            rollout.add_missing(cohort, late.get(cohort, 0), refused.get(cohort, 0))
            # Requests that are refused under no name may be of any cohort but those that the version names.
            if "" in refused and not record.names(cohort):
                rollout.add_missing(cohort, 0, refused[""])
        return [LateEvents(record.rollout, sum(late.values()))] if late else []

    def _open(self, name: str) -> JudgedRollout:
        """Add a rollout, which no policy governs yet."""
        self._without_policy().add(name)
        rollout = self.rollouts[name] = JudgedRollout()
        return rollout

    def _without_policy(self) -> set[str]:
        """The rollouts without a policy; collected once and then kept up to date: each new one needs their number."""
        if self._unjudged is None:
            self._unjudged = {name for name, rollout in self.rollouts.items() if rollout.gate is None}
        return self._unjudged

    def _closed_by(self, timing: Timing) -> int | None:
        """The watermark by this timing, rounded down to a whole cell."""
        watermark = self.marks.event_time(timing).watermark
        return None if watermark is None else watermark - watermark % CELL_MS

    def _progress(self, record: Progress, offset: int) -> list[FoldOutput]:
        missing = self.marks.apply(record)
        outputs: list[FoldOutput] = [*reported_settings(record), *missing]
        outputs += mended(record, self.marks, self.rollouts, self._moment(0, offset))
        times: dict[Timing, EventTimeState] = {}  # most rollouts have the same timing
        unjudged_until, limit = self._closed_by(Timing()), self.marks.furthest()
        refused = sum([source.refused for source in record.sources]) + offsets_missing(missing)
        for name, rollout in list(self.rollouts.items()):
            if offset <= rollout.snapshot_offset:
                continue
            if rollout.join.reaches(limit):
                rollout.drop_from(limit)
            if rollout.gate is None:
                self._drop_closed(name, rollout, unjudged_until, limit)
            else:
                time = times.get(rollout.timing) or self.marks.event_time(rollout.timing)
                times[rollout.timing] = time
                if refused:  # they may be this rollout's
                    rollout.refuse_for_all(refused)
                try:
                    outputs += self._judge(name, rollout, rollout.gate, time, offset)
                except Exception as error:  # of any kind: it is this rollout's own, and the others are judged
                    outputs += pause_failed(name, rollout.gate, self._moment(rollout.judged_until(), offset), error)
                    rollout.changed = True
        return outputs

    def _drop_closed(self, name: str, rollout: JudgedRollout, until: int | None, limit: int) -> None:
        """Drop the counts of a rollout without a policy that a policy starting now would not judge.

        Those are the ones before `until`, and from `limit` on.
        """
        if until is not None and until > rollout.join.closed_until:
            rollout.join.close(until, until)
            rollout.changed = True
        first = rollout.join.next_cell()
        if first is None or first >= limit:
            del self.rollouts[name]
            self._without_policy().discard(name)

    def _judge(
        self, name: str, rollout: JudgedRollout, gate: Gate, time: EventTimeState, offset: int
    ) -> list[FoldOutput]:
        pane_ms = gate.state.policy.pane_ms
        due = time.watermark is not None and rollout.join.closed_until + pane_ms <= time.watermark
        if not due and not gate.state.timed:
            return []  # the usual case: progress comes several times per second, a pane ends once
        outputs: list[FoldOutput] = []
        # Taken before the panes: the pane that ends the rollout is a change that must reach a snapshot.
        judged, ended = False, gate.ended
        for pane in rollout.panes(time, pane_ms):
            outputs += gate.pane(pane, self._moment(pane.end, offset))
            judged = True
        rollout.changed |= judged and not ended
        moment = self._moment(rollout.judged_until(), offset)
        before = gate.state
        outputs += gate.tick(moment)
        # By identity, not by outputs: a command whose tries are used up changes the state and publishes nothing.
        rollout.changed |= gate.state is not before
        if outputs or (judged and not gate.ended):
            outputs.append(RolloutStatus(name, gate.status(moment)))
        return outputs

    def _moment(self, event_time: int, offset: int) -> Moment:
        return Moment(event_time, self.marks.newest, self.marks.wall, (self.partition, offset), self.freezes.in_force)

    def _freeze(self, record: Freeze, offset: int) -> list[FoldOutput]:
        if not self.freezes.apply(record, self.marks.wall):
            return []
        outputs: list[FoldOutput] = [FreezesStatus(self.partition, self.freezes.document(record, self.partition))]
        for name, rollout in self.rollouts.items():
            if rollout.gate is not None and not rollout.ended and offset > rollout.snapshot_offset:
                moment = self._moment(rollout.judged_until(), offset)
                outputs.append(RolloutStatus(name, rollout.gate.status(moment)))
        return outputs

    def put_aside(self, name: str, aside: SetAside) -> RolloutSetAside:
        """Decide no more about a rollout; what is needed to start it again safely is kept."""
        rollout = self.rollouts.pop(name, None)
        self._without_policy().discard(name)
        if rollout is not None:
            epoch = aside.epoch if rollout.gate is None else max(aside.epoch, rollout.gate.state.epoch)
            aside = structs.replace(aside, epoch=epoch, seen=rollout.seen, replay_guard=rollout.replay_guard)
        self.set_aside[name] = aside
        return RolloutSetAside(name, aside.why)

    def _start_again(self, record: Start, offset: int) -> list[FoldOutput]:
        """Start a rollout that is set aside, where an operator may do so; else it stays aside."""
        aside = self.set_aside[record.rollout]
        if aside.needs_another_build or not record.confirmed:
            raise SetAsideError(f"start of {record.rollout} refused: {aside.why}")
        rollout = self._open(record.rollout)
        rollout.seen, rollout.replay_guard = aside.seen, aside.replay_guard
        try:
            return self._start(record, offset, aside.epoch)
        finally:
            if rollout.gate is None:
                self.put_aside(record.rollout, aside)
            else:
                del self.set_aside[record.rollout]

    def _start(self, record: Start, offset: int, epochs_before: int = 0) -> list[FoldOutput]:
        rollout = self.rollouts.get(record.rollout) or self._open(record.rollout)
        if offset <= rollout.snapshot_offset or rollout.is_repeat(record):
            return []
        rollout.changed = True
        rollout.replay_guard.record(record, self.marks.wall)
        if (aside := unjudgeable(record)) is not None:
            return [self.put_aside(record.rollout, aside)]
        # The sequencer refuses these. A record that was written past it starts nothing.
        try:
            policy = Policy.parse(record.policy)
        except PolicyError:
            return []
        if policy.rollout != record.rollout or record.rules not in RULES:
            return []
        if rollout.gate is not None and not rollout.ended and rollout.gate.state.policy.hash == policy.hash:
            return []  # already running with this policy: an order that was given twice starts no second epoch
        timing = record.timing or Timing()
        # It begins at the newest event time: events before it were served under other weights, so they are no evidence
        # for or against this start. Without a progress record there is no event time yet, only the order's own time.
        watermark = self._closed_by(timing)
        newest = (record.sequenced_at or record.at) if watermark is None else max(watermark, self.marks.newest)
        begins_at = max(newest, rollout.join.closed_until)
        begins_at += -begins_at % policy.pane_ms  # a whole pane
        moment = replace(self._moment(begins_at, offset), wall=self.marks.wall or record.sequenced_at or record.at)
        given = started(record, policy, epochs_before)
        if rollout.gate is None and (why := refusal_of_start(None, given, moment)):
            raise FrozenError(f"start refused: {why}")
        if rollout.gate is not None and refuse_start(rollout.gate, given, moment):
            return [RolloutStatus(record.rollout, rollout.gate.status(self._moment(rollout.judged_until(), offset)))]
        rollout.timing = timing
        rollout.join.close(begins_at, begins_at)
        rollout.join.opened_at, rollout.late, rollout.refused = begins_at, {}, {}
        unjudged, lacking = rollout.gate is None, rollout.join.dropped
        rollout.gate, outputs = Gate.begin(rollout.gate, given, moment)
        rollout.join.dropped = 0
        if unjudged and lacking:  # some may be of the time after this start
            rollout.refuse_for_all(lacking)
        self._without_policy().discard(record.rollout)
        return [*outputs, RolloutStatus(record.rollout, rollout.gate.status(moment))]

    def _control_or_ack(self, record: Control | Ack, offset: int) -> list[FoldOutput]:
        aside = self.set_aside.get(record.rollout)
        if aside is not None and isinstance(record, Control):
            raise SetAsideError(f"{record.control} of {record.rollout} refused: {aside.why}")
        rollout = self.rollouts.get(record.rollout)
        if rollout is None or rollout.gate is None or offset <= rollout.snapshot_offset or rollout.is_repeat(record):
            return []
        rollout.changed = True
        if isinstance(record, Control):
            # Before the order has any effect: a copy of an old one must not act and then be refused.
            rollout.replay_guard.record(record, self.marks.wall)
        gate, moment = rollout.gate, self._moment(rollout.received_at(record, self.marks.newest), offset)
        outputs: list[FoldOutput] = []
        if isinstance(record, Control):
            outputs += gate.control(controlled(record), moment)
        else:
            outputs += acknowledged(gate, record, moment)
        return [*outputs, RolloutStatus(record.rollout, gate.status(moment))]
