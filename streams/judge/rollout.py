"""One rollout in the fold: its join, its gate, and which orders and acks it has already seen. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gates.gate import Gate
from gates.machine.transitions import Signal
from gates.panes import Pane
from streams.journal import Ack, Control, Start, Timing
from streams.judge.join import Join
from streams.judge.replay_guard import ReplayGuard
from streams.judge.seen_origins import is_repeat
from streams.judge.watermarks import EventTimeState

LONGEST_SILENT_WALK_MS = 3_600_000
"""A longer stretch without events becomes one long pane. Without this bound, event time that jumps ahead by weeks, as
after an outage, would make the fold evaluate millions of empty panes. Silence has the same effect either way."""

EARLIER_EVENTS_MS = 30_000
"""Events of the time before a start are expected for this long after it, and not held against it. Later ones are late
by any measure: they come from a slow clock or a backlog, and failures may be among them."""

CONTROLS = {
    "pause": Signal.OPERATOR_PAUSE,
    "resume": Signal.OPERATOR_RESUME,
    "approve": Signal.OPERATOR_APPROVE,
    "advance": Signal.OPERATOR_ADVANCE,
    "rollback": Signal.OPERATOR_ROLLBACK,
    "promote": Signal.OPERATOR_PROMOTE,
}


@dataclass(slots=True)
class JudgedRollout:
    """A rollout that events or an operator named; `gate` is None until a policy starts it.

    `seen` is the greatest offset per origin partition, `replay_guard` the ids of signed orders. `late` and
    `refused` count, by cohort, missing events that no pane has reported yet. `snapshot_offset` is the journal offset of
    the last snapshot, -1 without one; `changed` means that a new one is due.
    """

    join: Join = field(default_factory=Join)
    gate: Gate | None = None
    timing: Timing = field(default_factory=Timing)
    seen: dict[str, int] = field(default_factory=dict)
    replay_guard: ReplayGuard = field(default_factory=ReplayGuard)
    late: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    snapshot_offset: int = -1
    changed: bool = False

    @property
    def cohorts(self) -> tuple[str, ...]:
        """Candidate and baseline; none without a policy."""
        if self.gate is None:
            return ()
        names = self.gate.state.policy.cohorts
        return names.candidate, names.baseline

    def refuse_for_all(self, number: int) -> None:
        """Count requests that ingest refused or never read, and that may be of either cohort."""
        for cohort in self.cohorts:
            self.add_missing(cohort, 0, number)
        self.changed = self.changed or not self.ended

    def add_missing(self, cohort: str, late: int, refused: int) -> None:
        """Keep these counts of a cohort for the next pane."""
        for known, number in ((self.late, late), (self.refused, refused)):
            if number:
                known[cohort] = known.get(cohort, 0) + number

    def drop_from(self, start: int) -> None:
        """Drop the counts of event time from `start` on; the requests in them are missing."""
        dropped = self.join.drop_from(start)
        for cohort in self.cohorts:
            self.add_missing(cohort, 0, dropped.get(cohort, 0))
        self.changed = self.changed or not self.ended

    @property
    def ended(self) -> bool:
        """Whether the rollout was rolled back or promoted: nothing more is judged, so its counts need no snapshot."""
        return self.gate is not None and self.gate.ended

    def is_repeat(self, record: Start | Control | Ack) -> bool:
        """Whether this order or ack was folded before; records that it is now."""
        return is_repeat(self.seen, record.origin)

    def judged_until(self) -> int:
        """The event time up to which the rollout is judged.

        For an ended rollout it is the event time of its last decision: its join still closes panes, but they are in no
        snapshot, so after a restart `closed_until` would be another one.
        """
        last = None if self.gate is None else self.gate.state.last
        return last.event_time if self.ended and last is not None else self.join.closed_until

    def received_at(self, record: Control | Ack, newest: int) -> int:
        """The event time of an order or ack: how far the rollout is judged.

        An order after the end gets the newest event time seen, as time has gone on since the last decision.
        """
        until = self.judged_until()
        return max(until, newest) if self.ended and isinstance(record, Control) else until

    def panes(self, time: EventTimeState, pane_ms: int) -> Iterator[Pane]:
        """The panes that the watermark closes now, in order; consumes the join."""
        if time.watermark is None:
            return
        for start, end in _bounds(self.join, time.watermark, pane_ms):
            closed = self.join.close(start, end)
            late, self.late = self.late, {}
            refused, self.refused = self.refused, {}
            complete = time.complete and start >= time.incomplete_until
            yield Pane(start, end, closed.cells, complete, late, time.broken, closed.synthetic, refused)
        judging = self.gate is not None and self.gate.state.judging.cohort_completeness
        if judging and self.join.closed_until - self.join.opened_at >= EARLIER_EVENTS_MS:
            self.join.opened_at = 0


def _bounds(join: Join, watermark: int, pane_ms: int) -> Iterator[tuple[int, int]]:
    """Start and end of each pane that the watermark closes; the caller closes it in the join before the next."""
    while (start := join.closed_until) + pane_ms <= watermark:
        if watermark - start > LONGEST_SILENT_WALK_MS:
            next_cell = join.next_cell()
            resume = watermark if next_cell is None else min(next_cell, watermark)
            skipped = (resume - start) // pane_ms - 1
            if skipped * pane_ms > LONGEST_SILENT_WALK_MS:
                start += skipped * pane_ms
                join.closed_until = start
        yield start, start + pane_ms
