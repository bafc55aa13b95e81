"""What every check can do, and what it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gates.panes import Cell, Pane
from gates.stats.ratio_interval import Interval
from gates.verdicts import Verdict
from gates.windows import CohortWindow


@dataclass(frozen=True, slots=True)
class Arm:
    """One cohort as a check sees it.

    `window` is the check's sliding window, `fresh` the part of it since an actuator confirmed the stage's weights,
    `short` its shorter window where it has two; `stage` counts all since the stage was ordered; `eligible` is how many
    requests may support a PASS: on complete panes, since the confirmation.
    """

    name: str
    window: CohortWindow
    fresh: CohortWindow
    short: CohortWindow
    stage: Cell
    eligible: int


@dataclass(frozen=True, slots=True)
class View:
    """All a check may look at: both arms, the stage, and the state of the telemetry.

    `weight` is the candidate's share of the traffic as ordered; `compared` is false where that is all of it and no
    baseline is left; `stage_start` is event time. `rejected` are the checks for which the joint test
    rejects that the candidate is no worse than allowed.
    """

    candidate: Arm
    baseline: Arm
    weight: float
    compared: bool
    broken: bool
    min_requests: int
    stage_start: int
    rejected: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """How a pane counts: it may support an advance, there is a baseline to compare with, caches are still cold."""

    eligible: bool = True
    compared: bool = True
    warming: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """E-values at which a comparison decides; a healthy candidate ever reaches 1/alpha with probability at most alpha.

    `rollback` is what this comparison needs if all the others say nothing; `advance` is for each of them, since all
    must pass.
    """

    rollback: float
    advance: float


class Check(Protocol):
    """One question put to every pane. A new kind is a new file here and a line in `checks_for`."""

    def observe(self, pane: Pane, seen: Seen) -> None:
        """Take in one pane."""

    def enter_stage(self) -> None:
        """A new stage was ordered: what supports an advance starts anew, what supports a rollback goes on."""

    @property
    def worse(self) -> float | None:
        """The e-value for the candidate being worse than allowed; None where nothing is compared."""

    def interval(self) -> Interval | None:
        """The candidate's figure as a multiple of the baseline's, with its confidence sequence; for display."""

    def verdict(self, view: View) -> Verdict:
        """The verdict as of the last pane."""

    @property
    def evidence(self) -> dict[str, object]:
        """Accumulated evidence as JSON values, for a snapshot; assigning it continues bit for bit."""

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None: ...
