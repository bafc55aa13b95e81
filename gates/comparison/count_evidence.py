"""How counts of bad events become evidence: the interface of the rules for it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from gates.evidence_view import PaneUse
from gates.panes import Cell, Pane
from gates.stats import single_arm
from gates.stats.pane_counts import PaneCounts
from gates.stats.statistic import Statistic


class BaselineCounts(NamedTuple):
    """The baseline's bad events and all, and the cell that they were counted in.

    They are what the clustering of bad events is measured on. For a quantile, bad is what lies at or above a threshold
    that is fixed before the pane; without a threshold both are 0.
    """

    bad: float
    events: int
    cell: Cell


class AloneCounts(NamedTuple):
    """The candidate's bad events and all, and the share `objective` of bad events that it is held against.

    None: there is no such share, and the counts are no evidence.
    """

    bad: float
    events: int
    objective: float | None

    def log_factors(self, effects: tuple[float, ...]) -> tuple[float, ...] | None:
        """The log factor of each effect; None where there is no objective, or no event."""
        if self.objective is None or not self.events:
            return None
        return single_arm.log_factors(self.bad, self.events, effects, self.objective)


class CountedPane(NamedTuple):
    """One pane as a comparison counted it.

    `worse` is what is compared for a rollback, `good` for an advance; `alone` replaces both where the candidate has all
    the traffic, and `good_alone` the latter where the baseline has nothing to compare with. Where all are None nothing
    is bet, as in the warm-up, and only time passes.
    """

    pane: Pane
    seen: PaneUse
    baseline: BaselineCounts
    candidate: Cell
    worse: PaneCounts | None = None
    good: PaneCounts | None = None
    alone: AloneCounts | None = None
    good_alone: AloneCounts | None = None


class Found(NamedTuple):
    """What the panes so far show: the e-values for a worse and for a good enough candidate, and the design effect phi.

    `lately_good` is false where the last panes support no advance, although the stage's evidence may. `margin` is the
    share of bad events that was added to `ratio` times the baseline's; None where that is not shown.
    """

    worse: float
    good: float
    phi: float = 1.0
    lately_good: bool = True
    margin: float | None = None


class CountEvidence(Statistic[CountedPane, Found, dict[str, Any]], Protocol):
    """A rule by which counts become evidence; each pane is one `update`."""

    def enter_stage(self) -> None:
        """Reset the evidence for an advance; the evidence for a rollback continues over all stages."""
