"""What a step reports beside the new state: facts about the rollout, and the messages to publish."""

from __future__ import annotations

from dataclasses import dataclass

from gates.decisions import Command, Decision
from gates.machine.rollout import RolloutState


@dataclass(frozen=True, slots=True)
class StageEntered:
    """The next stage was ordered, at this event time."""

    index: int
    at: int


@dataclass(frozen=True, slots=True)
class StageConfirmed:
    """An actuator confirmed the stage's weights; they count from this event time on."""

    at: int


@dataclass(frozen=True, slots=True)
class Decided:
    """A new decision was made; a repeated order is none."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Ended:
    """The rollout was rolled back or promoted."""


Fact = StageEntered | StageConfirmed | Decided | Ended
Output = Decision | Command


@dataclass(frozen=True, slots=True)
class StepResult:
    """The state after an input, what to publish, and what happened, in order."""

    state: RolloutState
    outputs: tuple[Output, ...] = ()
    facts: tuple[Fact, ...] = ()
