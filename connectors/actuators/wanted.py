"""The state that is wanted of an actuator, as a decision or a command tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from gates.decisions import COMMAND_SCHEMA, DECISION_SCHEMA, Action

ROUNDING: Final = 0.01
"""Weights may miss 100 per cent together by so much."""

Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Moment = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Token(NamedTuple):
    """The fencing token: of two orders for a rollout, the one with the greater token is the newer."""

    epoch: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.sequence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The whole state wanted of one rollout, and why.

    `weights` are per cent of the traffic by cohort, together 100; `cohorts` names the two: {"baseline": "stable",
    "candidate": "canary"}. `expires_at` and `event_time` are milliseconds since the epoch; after `expires_at` the order
    is void (None: it never is). `escalate` says that people are wanted; `contact` who (owner, runbook, labels), if the
    policy tells. `by` is the operator who ordered it, if one did.

    Raises ValueError when weights and cohorts are none.
    """

    id: Text
    rollout: Text
    epoch: Count
    sequence: Count
    action: Action
    stage: str
    weights: Mapping[str, float]
    cohorts: Mapping[Literal["baseline", "candidate"], str]
    reason: str = ""
    event_time: Moment | None = None
    expires_at: Moment | None = None
    escalate: bool = False
    by: str | None = None
    contact: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        """Refuse weights that no router could obey."""
        if set(self.cohorts) != {"baseline", "candidate"} or not set(self.cohorts.values()) <= set(self.weights):
            raise ValueError("cohorts must name the baseline and the candidate, and both must have a weight")
        if not all(math.isfinite(weight) and 0 <= weight <= 100 for weight in self.weights.values()):
            raise ValueError("weights must be per cent, 0 to 100")
        if abs(sum(self.weights.values()) - 100) > ROUNDING:
            raise ValueError("weights must be 100 per cent together")

    @property
    def token(self) -> Token:
        """(epoch, sequence)."""
        return Token(self.epoch, self.sequence)

    @property
    def baseline_weight(self) -> float:
        """The baseline's share, per cent."""
        return self.weights[self.cohorts["baseline"]]

    @property
    def candidate_weight(self) -> float:
        """The candidate's share, per cent."""
        return self.weights[self.cohorts["candidate"]]


class _Envelope(msgspec.Struct):
    schema: str


_SCHEMAS: Final = (DECISION_SCHEMA, COMMAND_SCHEMA)
_envelope: Final = msgspec.json.Decoder(_Envelope).decode
_wanted: Final = msgspec.json.Decoder(Wanted).decode


def decode(value: bytes) -> Wanted:
    """What a message on `gate-decisions` or `rollback-commands` wants; fields unknown here are let pass.

    Raises:
        ValueError: it is neither a decision nor a command, or malformed.
    """
    try:
        schema = _envelope(value).schema
        if schema not in _SCHEMAS:
            raise ValueError(f"schema {schema!r} is neither of {', '.join(_SCHEMAS)}")
        return _wanted(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
