"""Acks of actuators that offline work stands in for: each one that a policy names applies each order at once."""

from __future__ import annotations

from gates.decisions import Decision
from gates.machine.rollout import Acked
from gates.policy import Policy
from streams.journal import Ack


def stand_ins(policy: Policy, name: str) -> tuple[str, ...]:
    """The actuators that must confirm an order; one of this name where the policy names none."""
    return policy.commands.actuators or (name,)


def applied(decision: Decision, actuator: str) -> Acked:
    """That the actuator applied the decision, as the machine takes it."""
    return Acked(decision.epoch, decision.sequence, "applied", decision.weights, actuator)


def applied_record(decision: Decision, actuator: str) -> Ack:
    """The same as a record of the journal, at the event time of the decision."""
    return Ack(
        id=decision.id,
        rollout=decision.rollout,
        epoch=decision.epoch,
        sequence=decision.sequence,
        actuator=actuator,
        status="applied",
        weights=dict(decision.weights),
        at=decision.event_time,
    )
