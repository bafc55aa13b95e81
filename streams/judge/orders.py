"""Operators' orders and actuators' acks in the journal as inputs of the gate. Pure."""

from __future__ import annotations

from gates.gate import Gate
from gates.machine.rollout import Acked, Controlled, Moment, Started
from gates.policy import Policy
from streams.journal import Ack, Control, Start
from streams.judge.outputs import AckedBy, Acknowledged
from streams.judge.rollout import CONTROLS


def started(record: Start, policy: Policy, epochs_before: int) -> Started:
    """A start by this policy, in the epoch after `epochs_before` where nothing else is left of those."""
    return Started(
        policy,
        record.by,
        record.reason,
        record.rules,
        confirmed=record.confirmed,
        replace=record.replace,
        override_freeze=record.override_freeze,
        epochs_before=epochs_before,
    )


def controlled(record: Control) -> Controlled:
    """An operator's control."""
    return Controlled(
        CONTROLS[record.control],
        record.by,
        record.reason,
        record.epoch,
        record.stage,
        confirmed=record.confirmed,
        override_freeze=record.override_freeze,
    )


def acknowledged(gate: Gate, record: Ack, moment: Moment) -> list[AckedBy | Acknowledged]:
    """Give the gate an actuator's ack; returns what to report of it, if anything was decided before."""
    pending, last = gate.state.pending, gate.state.last
    acked = Acked(
        record.epoch, record.sequence, record.status, record.weights, record.actuator, record.reason, record.at
    )
    gate.ack(acked, moment)
    if last is None:
        return []
    confirmed = pending is not None and gate.state.pending is None
    took_ms = max(0, record.at - last.event_time) if confirmed else None
    found: list[AckedBy | Acknowledged] = [Acknowledged(record.rollout, last.action.value, record.status, took_ms)]
    if record.instance:
        order = record.epoch, record.sequence
        found.append(AckedBy(record.rollout, record.actuator, record.instance, order, moment.journal[1]))
    return found
