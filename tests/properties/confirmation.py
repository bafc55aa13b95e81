"""Confirmation by brute force: from published decisions and acks alone, without the gate's own bookkeeping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gates.decisions import Action, Decision
from streams.journal import Ack
from streams.judge.outputs import RolloutStatus
from tests.properties.journals import CANDIDATE, Step


@dataclass
class NewestOrder:
    """The last decision that changed the weights or ordered a rollback, and every ack since it was published.

    `needed` are the actuators that must confirm, empty: any one. `repeats` are the ids of the order and of the later
    decisions that have its weights: an ack of one of these is an ack of the order.
    """

    needed: frozenset[str]
    order: Decision | None = None
    repeats: set[tuple[int, int]] = field(default_factory=set)
    acks: list[Ack] = field(default_factory=list)
    in_force: Decision | None = None
    """The order that was confirmed last in this epoch."""
    last: str = ""
    """The id of the last decision."""

    def publish(self, decision: Decision) -> None:
        """A decision goes out, perhaps again."""
        token, last = (decision.epoch, decision.sequence), self.order
        self.last = decision.id
        if token in self.repeats:
            return
        if last is not None and last.epoch != decision.epoch:
            self.in_force = last = None
        if last is None or last.weights != decision.weights or decision.action is Action.ROLLBACK:
            self.order, self.repeats, self.acks = decision, set(), []
        self.repeats.add(token)

    def report(self, ack: Ack) -> None:
        """An ack arrives; one of anything else than the order is about nothing."""
        if (ack.epoch, ack.sequence) in self.repeats:
            self.acks.append(ack)
        if self.confirmed:
            self.in_force = self.order

    @property
    def confirmed(self) -> bool:
        """Whether there was a time at which every needed actuator, or any if none is named, agreed."""
        return any(self._suffices(self.agreeing(upto)) for upto in range(1, len(self.acks) + 1))

    def _suffices(self, agreeing: set[str]) -> bool:
        return self.needed <= agreeing if self.needed else agreeing != set()

    def agreeing(self, upto: int | None = None) -> set[str]:
        """The actuators whose last report, among the first `upto` acks, is that it applied what was ordered."""
        latest = {ack.actuator: self._applied(ack) for ack in self.acks[:upto]}
        return {name for name, agrees in latest.items() if agrees}

    def _applied(self, ack: Ack) -> bool:
        assert self.order is not None
        wanted, observed = self.order.weights[CANDIDATE], ack.weights.get(CANDIDATE)
        if ack.status != "applied" or observed is None or (observed == 0) != (wanted == 0):
            return False
        return abs(observed - wanted) <= 1.0


def watched(steps: Iterator[Step], needed: frozenset[str]) -> Iterator[tuple[Step, NewestOrder]]:
    """Yield each step with the newest order, before what the step itself published."""
    newest = NewestOrder(needed)
    for step in steps:
        if isinstance(step.record, Ack):
            newest.report(step.record)
        yield step, newest
        for decision in step.decisions:
            newest.publish(decision)


def status_of(step: Step) -> Mapping[str, Any] | None:
    """The last status that a step published."""
    found = [outcome.document for outcome in step.outcomes if isinstance(outcome, RolloutStatus)]
    return found[-1] if found else None
