"""Whether the candidate's share of bad events is larger than allowed: evidence from counts of bad events and of all.

The candidate is compared with the concurrent baseline while there is one; where it has all the traffic, with the
absolute limit as its objective. Both e-factors have an expectation of at most 1 for a candidate that is as good as the
policy asks, so one e-process continues from the one to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gates.comparison.dispersion import Dispersion
from gates.comparison.evidence import ComparisonEvidence
from gates.evidence_view import CohortNames, EvidenceView, PaneUse
from gates.panes import Cell, Pane
from gates.stats.error_share import ErrorShare, PaneCounts
from gates.stats.ratio_interval import Interval, RatioInterval


class CountedFigure(Protocol):
    """A figure whose bad events can be counted, and shown as text."""

    def tally(self, source: Cell, /) -> tuple[float, int]:
        """Bad events (of a bounded quantity: shares of one), and all."""

    def stage_text(self, name: str, cell: Cell) -> str:
        """A cohort's figure since the stage was ordered."""


BLOCK_PANES = 10
"""Panes that the displayed interval takes in at a time: its 401 ratios would cost too much for each pane."""

SHOWN_ALPHA = 0.05
"""The probability that the displayed interval ever misses the true ratio, at most."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`ratio` times the baseline's share; where no baseline is left, the share `objective`, None for no bound."""

    ratio: float
    objective: float | None


class RateComparison(ComparisonEvidence):
    """Evidence by shares. `figure` counts (bad, all) in a cell, `sample` picks a cohort's cell out of a pane."""

    def __init__(
        self,
        cohorts: CohortNames,
        figure: CountedFigure,
        sample: Callable[[Pane, str], Cell],
        allowance: Allowance,
        start_blocks: int,
        dispersion: Dispersion,
    ) -> None:
        self._worse: ErrorShare
        self._good: ErrorShare
        super().__init__(ErrorShare.regression(allowance.ratio, start_blocks), ErrorShare.advance(allowance.ratio))
        self._cohorts = cohorts
        self._figure = figure
        self._sample = sample
        self._allowance = allowance
        self._dispersion = dispersion
        self._interval = RatioInterval()
        self._block = [0.0, 0.0, 0, 0, 0]  # bad and all of candidate and baseline, and panes

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""
        baseline_cell = self._sample(pane, self._cohorts.baseline)
        (bad, events) = self._figure.tally(self._sample(pane, self._cohorts.candidate))
        (base_bad, base_events) = self._figure.tally(baseline_cell)
        phi = self._dispersion.observe(pane, baseline_cell, base_bad, base_events)
        if seen.warming:
            self._worse.bet(None)
        elif seen.compared:
            counts = PaneCounts(bad, base_bad, events, base_events)
            self._worse.update(counts, phi.for_rollback)
            if seen.eligible:
                self._good.update(counts, phi.for_advance)
            self._collect(counts, phi.for_rollback)
        else:
            objective, eligible = self._allowance.objective, seen.eligible
            self._bet_alone(bad, events, objective, eligible=eligible, dispersion=phi.for_rollback)

    def _collect(self, counts: PaneCounts, dispersion: float) -> None:
        new = (counts.candidate_errors, counts.baseline_errors, counts.candidate_requests, counts.baseline_requests, 1)
        self._block = [known + number for known, number in zip(self._block, new, strict=True)]
        if self._block[-1] >= BLOCK_PANES:
            self._interval.add_counts(self._block_counts(), dispersion)
            self._block = [0.0, 0.0, 0, 0, 0]

    def _block_counts(self) -> PaneCounts:
        bad, base_bad, events, base_events, _ = self._block
        return PaneCounts(bad, base_bad, int(events), int(base_events))

    def enter_stage(self) -> None:
        """Reset the evidence for an advance and the displayed interval; phi may change."""
        self._good = ErrorShare.advance(self._allowance.ratio)
        self._interval = RatioInterval()
        self._block = [0.0, 0.0, 0, 0, 0]
        self._dispersion.enter_stage()

    def describe(self, view: EvidenceView) -> str:
        """Both cohorts' figures since the stage was ordered."""
        candidate = self._figure.stage_text(view.candidate.name, view.candidate.stage)
        if not view.compared:
            return f"{candidate}, compared with the limit alone"
        return f"{candidate}, {self._figure.stage_text(view.baseline.name, view.baseline.stage)}"

    def interval(self) -> Interval | None:
        """The ratio of the shares in this stage, with the panes of the block that is not full yet."""
        known = RatioInterval(list(self._interval.log_likelihood), self._interval.errors)
        known.add_counts(self._block_counts(), self._dispersion.for_rollback)
        return known.interval(SHOWN_ALPHA)

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return super().dump() | {
            "interval": self._interval.dump() if self._interval.errors else None,
            "block": list(self._block),
            "clustering": self._dispersion.dump(),  # the key of earlier builds' snapshots
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        super().load(state)
        if state["interval"] is not None:
            self._interval.load(state["interval"])
        self._block = list(state["block"])
        self._dispersion.load(state["clustering"])
