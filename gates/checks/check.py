"""What every check can do, and what it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gates.panes import Cell, Pane
from gates.verdicts import Verdict
from gates.windows import CohortWindow


@dataclass(frozen=True, slots=True)
class Arm:
    """One cohort as a check sees it.

    `window` is the check's sliding window, `fresh` the part of it since an actuator confirmed the stage's weights;
    `stage` counts all since the stage was ordered; `eligible` is how many requests may support a PASS: on complete
    panes, since the confirmation.
    """

    name: str
    window: CohortWindow
    fresh: CohortWindow
    stage: Cell
    eligible: int


@dataclass(frozen=True, slots=True)
class View:
    """All a check may look at: both arms and the state of the telemetry.

    `compared` is false where the candidate has all the traffic and no baseline is left; `stage_start` is event time.
    """

    candidate: Arm
    baseline: Arm
    compared: bool
    broken: bool
    min_requests: int
    stage_start: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """E-values at which a comparison decides; a healthy candidate ever reaches 1/alpha with probability at most alpha.

    `rollback` shares the policy's alpha among all comparisons of the rollout; `advance` is for each of them, since all
    must pass.
    """

    rollback: float
    advance: float


class Check(Protocol):
    """One question put to every pane. A new kind is a new file here and a line in `checks_for`."""

    def observe(self, pane: Pane, *, eligible: bool) -> None:
        """Take in one pane; `eligible` says whether it may support an advance."""

    def enter_stage(self) -> None:
        """A new stage was ordered: what supports an advance starts anew, what supports a rollback goes on."""

    def verdict(self, view: View) -> Verdict:
        """The verdict as of the last pane."""

    @property
    def evidence(self) -> dict[str, object]:
        """Accumulated evidence as JSON values, for a snapshot; assigning it continues bit for bit."""

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None: ...
