"""What the gate says to the world: decisions, and the orders that must be obeyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

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
    """One decision with the whole state that is now wanted, so that a lost or repeated one does no harm.

    `weights` are per cent of the traffic by cohort; `event_time` is milliseconds since the epoch; `checks` are the
    verdicts (as documents) that caused it, `combined` what the comparisons say together, `confidence` the error
    probabilities that the policy allows. (`epoch`, `sequence`) only grows and is the fencing token.
    """

    rollout: str
    epoch: int
    sequence: int
    action: Action
    stage: str
    weights: Mapping[str, float]
    event_time: int
    reason: str
    checks: tuple[Mapping[str, object], ...]
    completeness: float
    policy_hash: str
    journal: tuple[int, int]
    cohorts: Mapping[str, str]
    confidence: Mapping[str, float]
    combined: Mapping[str, object] | None = None
    approved_by: str | None = None
    by: str | None = None
    escalate: bool = False
    contact: Mapping[str, object] | None = None

    @property
    def id(self) -> str:
        """rollout:epoch:sequence; consumers drop what they have seen."""
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
            "checks": [dict(check) for check in self.checks],
            "confidence": dict(self.confidence),
            "completeness": self.completeness,
            "policy_hash": self.policy_hash,
            "journal": {"partition": self.journal[0], "offset": self.journal[1]},
            "cohorts": dict(self.cohorts),
            "escalate": self.escalate,
        }
        if self.combined is not None:
            out["combined"] = dict(self.combined)
        if self.approved_by is not None:
            out["approved_by"] = self.approved_by
        if self.by is not None:
            out["by"] = self.by
        if self.contact:
            out["contact"] = dict(self.contact)
        return out


@dataclass(frozen=True, slots=True)
class Command:
    """An order on the urgent path (`rollback-commands`): the decision, when an ack is due, and when it is void.

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


def decision_from(document: Mapping[str, object]) -> Decision:
    """The decision that `Decision.document` described; for snapshots, which hold only what this build wrote."""
    fields = dict(document)
    for derived in ("schema", "id"):
        fields.pop(derived)
    journal = fields.pop("journal")
    if not isinstance(journal, dict):
        raise TypeError("a decision's journal is an object")
    decision = Decision(journal=(journal["partition"], journal["offset"]), **fields)  # type: ignore[arg-type]
    return replace(decision, action=Action(decision.action), checks=tuple(decision.checks))
