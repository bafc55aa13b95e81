"""How counts of bad events become evidence: the interface of the rules for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from gates.evidence_view import PaneUse
from gates.panes import Cell, Pane
from gates.stats import single_arm
from gates.stats.largest_blocks import Agreement, BlockReport
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
    is bet, as in the warm-up, and only time passes. `usual` is how many of the baseline's events are bad by the measure
    that `good` counts the candidate by, where that is another than the baseline's own.
    """

    pane: Pane
    seen: PaneUse
    baseline: BaselineCounts
    candidate: Cell
    worse: PaneCounts | None = None
    good: PaneCounts | None = None
    alone: AloneCounts | None = None
    good_alone: AloneCounts | None = None
    usual: float | None = None


class Clustering(NamedTuple):
    """How bad events come together, where that holds back evidence: for about this many `seconds`.

    `undivided` is the e-value for a good enough candidate if they did not. `measured` is false while the prior is most
    of what is known about them.
    """

    seconds: float
    undivided: float
    measured: bool


class Found(NamedTuple):
    """What the panes so far show: the e-values for a worse and for a good enough candidate, and the design effect phi.

    `lately_good` is false where the last panes support no advance, although the stage's evidence may. `agreement`
    is that of the candidate's parts, where it limits the e-value for a worse candidate. `margin` is the share of bad
    events that was added to `ratio` times the baseline's; None where that is not shown. `clustering` is None where
    it is not measured. `dropped` is how many requests of the stage found none of the other cohort to be compared with.
    """

    worse: float
    good: float
    phi: float = 1.0
    lately_good: bool = True
    agreement: Agreement | None = None
    margin: float | None = None
    clustering: Clustering | None = None
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class BlockState:
    """How a comparison in blocks stands.

    The open block of `length_ms` ends in `left_ms`, and only then is the evidence for a rollback looked at again.
    `rho_s` is how long the baseline's bad events hang together, and `phi` by how much they vary more than independent
    ones; both as measured or as `stated` in the policy. Until it is `settled`, phi is mostly assumed. `report` has what
    made the evidence.
    """

    left_ms: int
    length_ms: int
    rho_s: float
    phi: float
    stated: bool
    settled: bool
    report: BlockReport


class CountEvidence(Statistic[CountedPane, Found, dict[str, Any]], Protocol):
    """A rule by which counts become evidence; each pane is one `update`."""

    def enter_stage(self) -> None:
        """Reset the evidence for an advance; the evidence for a rollback continues over all stages."""

    def blocks(self) -> BlockState | None:
        """How it stands, where it counts in blocks; else None."""
