"""What the gate publishes: decisions, and the commands that actuators must obey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gates.verdicts import Combined, Verdict

DECISION_SCHEMA = "sluicegate.decision/v1"
COMMAND_SCHEMA = "sluicegate.command/v1"


class Action(StrEnum):
    """What is decided."""

    START = "start"
    ADVANCE = "advance"
    HOLD = "hold"
    PAUSE = "pause"
    RESUME = "resume"
    ROLLBACK = "rollback"
    PROMOTE = "promote"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision with the full state that is now wanted, so that a lost or repeated one does no harm.

    `weights` are per cent of the traffic by cohort; `event_time` is milliseconds since the epoch; `checks` are the
    verdicts that caused it, `combined` the evidence of all comparisons together, `confidence` the error probabilities
    that the policy allows. (`epoch`, `sequence`) only grows and is the fencing token.
    """

    rollout: str
    epoch: int
    sequence: int
    action: Action
    stage: str
    weights: Mapping[str, int | float]  # whole numbers are integers: a snapshot must not turn 10 into 10.0
    event_time: int
    reason: str
    checks: tuple[Verdict, ...]
    completeness: float
    policy_hash: str
    journal: tuple[int, int]
    cohorts: Mapping[str, str]
    confidence: Mapping[str, float]
    combined: Combined | None = None
    approved_by: str | None = None
    by: str | None = None
    escalate: bool = False
    contact: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """rollout:epoch:sequence; consumers drop an id that they have processed before."""
        return f"{self.rollout}:{self.epoch}:{self.sequence}"

    def document(self) -> dict[str, object]:
        """The message on `gate-decisions`."""
        out: dict[str, object] = {
            "schema": DECISION_SCHEMA,
            "id": self.id,
            "rollout": self.rollout,
            "epoch": self.epoch,
            "sequence": self.sequence,
            "action": self.action.value,
            "stage": self.stage,
            "weights": dict(self.weights),
            "event_time": self.event_time,
            "reason": self.reason,
            "checks": [verdict.document() for verdict in self.checks],
            "confidence": dict(self.confidence),
            "completeness": self.completeness,
            "policy_hash": self.policy_hash,
            "journal": {"partition": self.journal[0], "offset": self.journal[1]},
            "cohorts": dict(self.cohorts),
            "escalate": self.escalate,
        }
        if self.combined is not None:
            out["combined"] = self.combined.document()
        if self.approved_by is not None:
            out["approved_by"] = self.approved_by
        if self.by is not None:
            out["by"] = self.by
        if self.contact:
            out["contact"] = dict(self.contact)
        return out


@dataclass(frozen=True, slots=True)
class Command:
    """An order on the urgent path (`rollback-commands`): the decision, when an ack is due, and when it expires.

    `deadline` and `expires_at` are wall-clock milliseconds since the epoch.
    """

    decision: Decision
    deadline: int
    expires_at: int

    def document(self) -> dict[str, object]:
        """The message on `rollback-commands`: the decision's fields and the two times."""
        return self.decision.document() | {
            "schema": COMMAND_SCHEMA,
            "deadline": self.deadline,
            "expires_at": self.expires_at,
        }
