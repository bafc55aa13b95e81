"""What a check may look at: both cohorts over its windows, the stage, and how each pane counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gates.panes import Cell
from gates.rules import CURRENT, RULES, JudgingRules
from gates.windows import CohortWindow


class CohortNames(Protocol):
    """The names by which events carry the two cohorts."""

    @property
    def baseline(self) -> str:
        """The version that already serves traffic."""

    @property
    def candidate(self) -> str:
        """The version that is being released."""


@dataclass(frozen=True, slots=True)
class CohortView:
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
class EvidenceView:
    """All a check may look at: both cohorts, the stage, and the state of the telemetry.

    `weight` is the candidate's share of the traffic as ordered; `compared` is false where that is all of it and no
    baseline is left; `stage_start` is event time. `rejected` are the checks for which the joint test
    rejects that the candidate is no worse than allowed. `proof` is false in a stage that ends without the candidate
    having been shown to be good.
    """

    candidate: CohortView
    baseline: CohortView
    weight: float
    compared: bool
    broken: bool
    min_requests: int
    stage_start: int
    rejected: frozenset[str] = frozenset()
    rules: JudgingRules = RULES[CURRENT]
    proof: bool = True


@dataclass(frozen=True, slots=True)
class PaneUse:
    """How a pane counts: it may support an advance, there is a baseline to compare with, caches are still cold.

    `bake_ms` is how long the stage bakes.
    """

    eligible: bool = True
    compared: bool = True
    warming: bool = False
    bake_ms: int = 0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """E-values at which a comparison decides; a healthy candidate ever reaches 1/alpha with probability at most alpha.

    `rollback` is what this comparison needs if all the others have no evidence; `advance` is for each of them, since
    all must pass.
    """

    rollback: float
    advance: float
