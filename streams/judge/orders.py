"""Operators' orders in the journal as inputs of the gate. Pure."""

from __future__ import annotations

from gates.machine.rollout import Controlled, Started
from gates.policy import Policy
from streams.journal import Control, Start
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
