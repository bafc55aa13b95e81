"""What the gate remembers of a rollout, and what can happen to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gates.decisions import Decision
from gates.machine.transitions import Phase, Signal
from gates.policy import Policy
from gates.verdicts import Evaluation


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where an input stands: event time judged so far, newest event time seen, wall time, journal offset."""

    event_time: int
    newest: int
    wall: int
    journal: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Started:
    """An operator started a rollout (or started it anew)."""

    policy: Policy
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Controlled:
    """An operator said pause, resume, approve, rollback or promote; `epoch` None means the current one."""

    control: Signal
    by: str
    reason: str
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Acked:
    """An actuator reported on a decision; `weights` are those it then observed."""

    epoch: int
    sequence: int
    applied: bool
    weights: Mapping[str, float]
    actuator: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """Wall time went on."""


Input = Started | Controlled | Acked | Evaluation | Ticked


@dataclass(frozen=True, slots=True)
class Pending:
    """A change of weights that no actuator has acknowledged yet; times are wall-clock milliseconds."""

    sequence: int
    due: int
    expires_at: int
    deadline: int
    tries: int = 1
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class ControlOutcome:
    """What became of the last operator's control."""

    control: str
    by: str
    accepted: bool
    reason: str
    journal: tuple[int, int]


@dataclass(frozen=True, slots=True)
class RolloutState:
    """All that the machine remembers; `stage` is an index, `baked_ms` the event time the stage has stood the test.

    `confirmed_at` is the event time from which the stage's weights are known to be in force, None before. Silence
    counts as baked only once a later request has ended it: `heard_until` is how far every cohort has been heard.
    `timed_from` is the event time that the stage's timeout counts from: its order, or an operator's resume.
    `cause` is why it is held or paused, so that it is said once. `checks` are the last pane's verdicts as documents,
    `combined` what the comparisons say together, `doubts` why the data is not to be trusted. `passes` counts the panes
    in a row on which nothing was missing; `approved_by` is who approved the stage.
    """

    policy: Policy
    phase: Phase
    epoch: int
    ordered_at: int
    sequence: int = 0
    stage: int = 0
    confirmed_at: int | None = None
    timed_from: int = 0
    baked_ms: int = 0
    heard_until: int = 0
    cause: Signal | None = None
    checks: tuple[Mapping[str, object], ...] = ()
    combined: Mapping[str, object] | None = None
    doubts: tuple[str, ...] = ()
    completeness: float = 1.0
    passes: int = 0
    approved_by: str | None = None
    last: Decision | None = None
    pending: Pending | None = None
    control: ControlOutcome | None = None
