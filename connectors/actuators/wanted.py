"""The state that an actuator has to put into force, as a decision or a command describes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from gates.decisions import COMMAND_SCHEMA, DECISION_SCHEMA, Action

ROUNDING: Final = 0.01
"""How far the sum of the weights may be from 100 per cent."""

Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Moment = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Token(NamedTuple):
    """The fencing token: of two orders for a rollout, the one with the greater token is newer."""

    epoch: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.sequence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The whole wanted state of one rollout, and the reason.

    `weights` are per cent of the traffic by cohort, together 100; `cohorts` names the two: {"baseline": "stable",
    "candidate": "canary"}. `expires_at` and `event_time` are milliseconds since the epoch; after `expires_at` the order
    is void (None: never). `escalate` is whether a person is paged; `contact` is whom (owner, runbook, labels), if the
    policy has it. `by` is the operator who gave the order, if one did.

    Raises ValueError if the weights or cohorts are not valid.
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
        """Refuse weights that no router could apply."""
        if set(self.cohorts) != {"baseline", "candidate"} or not set(self.cohorts.values()) <= set(self.weights):
            raise ValueError("cohorts must name the baseline and the candidate, and both must have a weight")
        if not all(math.isfinite(weight) and 0 <= weight <= 100 for weight in self.weights.values()):
            raise ValueError("weights must be per cent, 0 to 100")
        if abs(sum(self.weights.values()) - 100) > ROUNDING:
            raise ValueError("weights must add up to 100 per cent")

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
    """The wanted state in a message on `gate-decisions` or `rollback-commands`; unknown fields are ignored.

    Raises:
        ValueError: the message is malformed, or neither a decision nor a command.
    """
    try:
        schema = _envelope(value).schema
        if schema not in _SCHEMAS:
            raise ValueError(f"schema {schema!r} is not one of {', '.join(_SCHEMAS)}")
        return _wanted(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
