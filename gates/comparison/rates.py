"""Whether the candidate's share of bad events is larger than allowed: evidence from counts of bad events and of all.

The candidate is compared with the concurrent baseline while there is one; where it has all the traffic, with the
absolute limit as its objective. Both e-factors have an expectation of at most 1 for a candidate that is as good as the
policy asks, so one e-process continues from the one to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from gates.comparison.count_evidence import AloneCounts, BaselineCounts, CountedPane, CountEvidence
from gates.comparison.evidence import ComparisonEvidence
from gates.evidence_view import CohortNames, EvidenceView, PaneUse
from gates.panes import Cell, Pane
from gates.stats.pane_counts import PaneCounts
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


class RateComparison(ComparisonEvidence):
    """Evidence by shares. `figure` counts (bad, all) in a cell, `sample` picks a cohort's cell out of a pane.

    `objective` is the share of bad events that is allowed where no baseline is left; None: no bound.
    """

    def __init__(
        self,
        cohorts: CohortNames,
        figure: CountedFigure,
        sample: Callable[[Pane, str], Cell],
        objective: float | None,
        evidence: CountEvidence,
    ) -> None:
        super().__init__(evidence)
        self._cohorts = cohorts
        self._figure = figure
        self._sample = sample
        self._objective = objective
        self._interval = RatioInterval()
        self._block = [0.0, 0.0, 0, 0, 0]  # bad and all of candidate and baseline, and panes

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""
        candidate, baseline = (self._sample(pane, name) for name in (self._cohorts.candidate, self._cohorts.baseline))
        (bad, events), (base_bad, base_events) = self._figure.tally(candidate), self._figure.tally(baseline)
        counted = CountedPane(pane, seen, BaselineCounts(base_bad, base_events, baseline), candidate)
        counts = PaneCounts(bad, base_bad, events, base_events)
        if seen.warming:
            self._evidence.update(counted)
        elif seen.compared:
            self._evidence.update(counted._replace(worse=counts, good=counts if seen.eligible else None))
            self._collect(counts)
        else:
            self._evidence.update(counted._replace(alone=AloneCounts(bad, events, self._objective)))

    def _collect(self, counts: PaneCounts) -> None:
        self._block = [known + number for known, number in zip(self._block, (*counts, 1), strict=True)]
        if self._block[-1] >= BLOCK_PANES:
            self._interval.add_counts(self._block_counts(), self._evidence.get().phi)
            self._block = [0.0, 0.0, 0, 0, 0]

    def _block_counts(self) -> PaneCounts:
        bad, base_bad, events, base_events, _ = self._block
        return PaneCounts(bad, base_bad, int(events), int(base_events))

    def enter_stage(self) -> None:
        """Reset the evidence for an advance and the displayed interval."""
        super().enter_stage()
        self._interval = RatioInterval()
        self._block = [0.0, 0.0, 0, 0, 0]

    def describe(self, view: EvidenceView) -> str:
        """Both cohorts' figures since the stage was ordered."""
        candidate = self._figure.stage_text(view.candidate.name, view.candidate.stage)
        if not view.compared:
            return f"{candidate}, compared with the limit alone"
        return f"{candidate}, {self._figure.stage_text(view.baseline.name, view.baseline.stage)}"

    def interval(self) -> Interval | None:
        """The ratio of the shares in this stage, with the panes of the block that is not full yet."""
        known = RatioInterval(list(self._interval.log_likelihood), self._interval.errors)
        known.add_counts(self._block_counts(), self._evidence.get().phi)
        return known.interval(SHOWN_ALPHA)

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        interval = self._interval.dump() if self._interval.errors else None
        return super().dump() | {"interval": interval, "block": list(self._block)}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        super().load(state)
        if state["interval"] is not None:
            self._interval.load(state["interval"])
        self._block = list(state["block"])
