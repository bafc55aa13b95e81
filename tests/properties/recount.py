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


@dataclass
class Recount:
    """Events by cohort: counted in their second, and missing ones since the stage was ordered at `ordered_at`."""

    ordered_at: int = 0
    opened_at: int = 0
    closed_until: int = 0
    counted: Counter[tuple[str, int]] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    versions: dict[tuple[SourcePartition, int], list[CellRecord]] = field(default_factory=dict)

    def add(self, record: Partial) -> None:
        """Add what one version has more than the one before it of the same chunk."""
        before = {cell.key: cell for cell in self.versions.get((record.source, record.start), [])}
        self.versions[record.source, record.start] = record.cells
        for cell in record.cells:
            past = before.get(cell.key)
            if cell.synthetic or cell.start < self.opened_at:
                continue
            fresh = cell.requests - (0 if past is None else past.requests)
            if cell.start < self.closed_until:
                self.missing[cell.cohort] += fresh
            else:
                self.counted[cell.cohort, cell.start] += fresh

    def completeness(self, cohort: str, until: int) -> float:
        """The share of the cohort's events since the stage's order that were counted, up to the event time `until`."""
        seen = sum(
            number
            for (name, start), number in self.counted.items()
            if name == cohort and self.ordered_at <= start < until
        )
        events = seen + self.missing[cohort]
        return seen / events if events else 1.0

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
