"""What error rate and success rate have in common: a figure that is the share of bad events, and its evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial

from gates.comparison.blocks import AdvanceBound, Blocks
from gates.comparison.count_evidence import CountEvidence
from gates.comparison.dispersion import Dispersion
from gates.comparison.rates import CountedFigure, RateComparison
from gates.comparison.single_events import SingleEvents
from gates.documents.outcomes import Outcome
from gates.documents.quantities import format_duration
from gates.evidence_view import CohortView
from gates.panes import Cell
from gates.slis.check_context import CheckContext
from gates.slis.compared_definition import ComparedCheck
from gates.slis.definition import sample_of
from gates.slis.limit import Assessment, Guard, Standing
from gates.stats.advance_sums import AdvanceMargin, MarginRange
from gates.stats.error_share import ErrorShare
from gates.text import count, percent
from gates.verdicts import Measurement, Unit
from gates.windows import CohortWindow


class ShareFigure(ABC):
    """A `Figure` of a share of bad events, and the tally that its comparison counts by; a subclass counts them."""

    unit: Unit = "share"
    side = "above"
    limit: str

    def __init__(self, guard: Guard | None) -> None:
        self._guard = guard

    @abstractmethod
    def tally(self, source: Cell | CohortWindow) -> tuple[int, int]:
        """Bad events, and all of them."""

    @abstractmethod
    def stage_text(self, name: str, cell: Cell) -> str:
        """The share since the stage was ordered, as text."""

    @abstractmethod
    def window_text(self, name: str, window: CohortWindow) -> str:
        """The share over the window, as text."""

    def measured(self, cohort: CohortView, *, staged: bool) -> Measurement:
        """The share, 0 to 1."""
        bad, events = self.tally(cohort.stage if staged else cohort.window)
        return Measurement(events, bad / events if events else None, bad)

    def assess(self, window: CohortWindow) -> Assessment:
        """How the window stands to the limit, and all its events."""
        bad, events = self.tally(window)
        return Assessment(Standing.WITHIN if self._guard is None else self._guard.standing(bad, events), events)

    def alike(self, candidate: CohortWindow, baseline: CohortWindow, least: int | None) -> bool:
        """Whether the baseline is no better than a candidate beyond the limit."""
        return self._guard is not None and self._guard.alike(self.tally(candidate), self.tally(baseline), least)


def share_text(name: str, tally: tuple[int, int], events: str, window: CohortWindow) -> str:
    """A share over a window with its counts; `events` names what is counted."""
    bad, total = tally
    counts = f"({count(bad)} of {count(total)} {events} in {format_duration(window.length_ms)})"
    return f"{name} {percent(bad / total) if total else 'no share'} {counts}"


def share_evidence(
    name: str,
    definition: ComparedCheck,
    context: CheckContext,
    figure: CountedFigure,
    objective: float | None,
    outcomes: tuple[Outcome, ...] = (),
) -> RateComparison | None:
    """The evidence of a check on a share; None where it does not compare.

    `objective` is the limit as a share of bad events, `outcomes` are those that count as bad.
    """
    if definition.ratio is None:
        return None
    margin = definition.margin_range(objective)
    if context.in_blocks:
        rule = context.block_rule(name, definition.ratio, catastrophe=definition.clusters)
        bound = AdvanceBound(definition.ratio, margin)
        evidence: CountEvidence = Blocks(rule, bound, outcomes, context.dispersion)
    else:
        evidence = _by_events(definition, definition.ratio, context, outcomes, margin)
    return RateComparison(context.cohorts, figure, sample_of(definition.traffic), objective, evidence)


def _by_events(
    definition: ComparedCheck, ratio: float, context: CheckContext, outcomes: tuple[Outcome, ...], margin: MarginRange
) -> CountEvidence:
    worse, new_good = ErrorShare.regression(ratio, context.start_blocks), partial(ErrorShare.advance, ratio)
    if context.rules.blocks:  # the policy states that errors are independent, so nothing is measured
        return SingleEvents(worse, new_good, margin=AdvanceMargin(margin))
    return SingleEvents(worse, new_good, Dispersion(outcomes, context.dispersion, by_time=definition.clusters))
