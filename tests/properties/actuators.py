"""Actuators of random journals: what each reports on a decision, and how much later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from gates.decisions import Decision
from streams.journal import Ack

Answer = Literal[
    "applied", "twice", "failed", "rejected", "expired", "other weights", "old weights", "older", "newer", "nothing"
]
ANSWERS: tuple[Answer, ...] = (
    "applied",
    "twice",
    "failed",
    "rejected",
    "expired",
    "other weights",
    "old weights",
    "older",
    "newer",
    "nothing",
)

USUALLY = st.one_of(st.sampled_from(ANSWERS[:1]), st.sampled_from(ANSWERS))
"""More often an order that is carried out than all else together."""


@dataclass(frozen=True)
class Actuator:
    """An actuator that gives its `answers` in turn, one to each decision that it reads, `delay` seconds later.

    "old weights" observes the weights of the decision before; "older" answers that decision, "newer" one that was
    never published.
    """

    name: str
    answers: tuple[Answer, ...] = ("applied",)
    delay: int = 0

    def acks(self, known: Sequence[Decision]) -> list[Ack]:
        """Return the reports on the last of the decisions `known` so far."""
        answer, decision = self.answers[(len(known) - 1) % len(self.answers)], known[-1]
        before = known[-2] if len(known) > 1 else decision
        match answer:
            case "nothing":
                return []
            case "applied":
                return [self._ack(decision)]
            case "twice":
                return [self._ack(decision), self._ack(decision)]
            case "older":
                return [self._ack(before)]
            case "newer":
                return [self._ack(decision, sequence=decision.sequence + 7)]
            case "old weights":
                return [self._ack(decision, weights=dict(before.weights))]
            case "other weights":
                return [self._ack(decision, weights={name: 50 + 7 * at for at, name in enumerate(decision.weights)})]
            case _:
                return [self._ack(decision, status=answer, reason="ConnectionRefusedError", weights={})]

    def _ack(self, decision: Decision, **changes: Any) -> Ack:
        fields: dict[str, Any] = {"status": "applied", "weights": dict(decision.weights)}
        fields |= {"epoch": decision.epoch, "sequence": decision.sequence, **changes}
        return Ack(id=decision.id, rollout=decision.rollout, actuator=self.name, at=decision.event_time, **fields)


ROUTER = Actuator("router")
"""Does at once what was ordered."""


@st.composite
def actuators(draw: st.DrawFn, names: Sequence[str]) -> tuple[Actuator, ...]:
    """Draw actuators with these names, half of the time good ones; and sometimes one that nobody named."""
    stray = [Actuator("stray", (draw(st.sampled_from(ANSWERS)),))] if draw(st.integers(0, 3)) == 3 else []
    kind = draw(st.sampled_from(["good", "good", "slow", "never", "wild", "wild"]))
    found = [_actuator(draw, kind, name) for name in names]
    return (*found, *stray)


def _actuator(draw: st.DrawFn, kind: str, name: str) -> Actuator:
    match kind:
        case "good":
            return Actuator(name)
        case "slow":
            return Actuator(name, delay=draw(st.integers(1, 5)))
        case "never":
            return Actuator(name, ("nothing",))
        case _:
            return Actuator(name, tuple(draw(st.lists(USUALLY, min_size=1, max_size=5))), draw(st.sampled_from([0, 2])))
