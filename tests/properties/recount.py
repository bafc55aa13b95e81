"""The telemetry of a stage, recounted from the journal alone: what an advance rests on, without the join and the gate.

The recount reads versions of chunks and published decisions, and of the gate only how far it has judged event time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gates.decisions import Action, Decision
from streams.cells import CellRecord, SourcePartition
from streams.journal import Partial, Start
from tests.properties.journals import Step

STAGE_BEGINS = (Action.START, Action.ADVANCE, Action.PROMOTE)


Counts = Counter[tuple[str, int]]
"""Events by cohort and second."""


@dataclass
class Recount:
    """What became of each event, from the versions of chunks as they came; the stage was ordered at `ordered_at`.

    `in_place` are requests counted in their second, `events` all that were seen in time; `missing` are, by cohort, late
    and refused events since the stage's order.
    """

    ordered_at: int = 0
    opened_at: int = 0
    closed_until: int = 0
    in_place: Counts = field(default_factory=Counter)
    events: Counts = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    versions: dict[tuple[SourcePartition, int], Partial] = field(default_factory=dict)

    def add(self, record: Partial) -> None:
        """Add what one version has more than the one before it of the same chunk."""
        before = self.versions.get((record.source, record.start))
        self.versions[record.source, record.start] = record
        past = {} if before is None else {cell.key: cell for cell in before.cells}
        for cell in record.cells:
            if cell.synthetic or cell.start < self.opened_at:
                continue
            (events, in_place), known = _seen(cell), past.get(cell.key)
            events_before, in_place_before = (0, 0) if known is None else _seen(known)
            if cell.start < self.closed_until:
                self.missing[cell.cohort] += events - events_before
            else:
                self.events[cell.cohort, cell.start] += events - events_before
                self.in_place[cell.cohort, cell.start] += in_place - in_place_before
        for cohort, number in record.refused.items():
            self.missing[cohort] += number - (0 if before is None else before.refused.get(cohort, 0))

    def completeness(self, cohort: str, until: int) -> float:
        """The share of the cohort's events since the stage's order that were counted, up to the event time `until`."""
        in_place, seen = (self._sum(counts, cohort, until) for counts in (self.in_place, self.events))
        events = seen + self.missing[cohort]
        return in_place / events if events else 1.0

    def _sum(self, counts: Counts, cohort: str, until: int) -> int:
        return sum(n for (name, start), n in counts.items() if name == cohort and self.ordered_at <= start < until)

    def enter_stage(self, decision: Decision) -> None:
        """Begin again with the stage that the decision ordered."""
        self.ordered_at = decision.event_time
        self.missing.clear()


def recounted(steps: Iterator[Step]) -> Iterator[tuple[Step, Decision, Recount]]:
    """Yield each new decision with the recount as it stood when it was made."""
    recount, seen = Recount(), set[str]()
    for step in steps:
        if isinstance(step.record, Partial):
            recount.add(step.record)
        for decision in step.decisions:
            if decision.id in seen:
                continue  # a repeat
            seen.add(decision.id)
            yield step, decision, recount
            if decision.action in STAGE_BEGINS:
                recount.enter_stage(decision)
            if isinstance(step.record, Start):
                recount.opened_at = recount.closed_until = decision.event_time
        if step.gate is not None:
            recount.closed_until = max(recount.closed_until, step.gate.state.evaluation.end)


def _seen(cell: CellRecord) -> tuple[int, int]:
    """All events of a cell, and those among them that were counted where they belong."""
    requests = sum(cell.counts)
    return requests + cell.unreadable, requests - cell.clamped
