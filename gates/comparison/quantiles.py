"""Whether the candidate's quantile is beyond what the baseline's allows: evidence by concurrent exceedance.

The threshold of a pane is the baseline's quantile over the minute before it, so it is fixed before the pane. Then the
values at or above it are counted in both cohorts (the candidate's above `ratio` times it). Where the candidate has all
the traffic, its values beyond the absolute limit are counted, against the share that the quantile allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gates.comparison.distributions import Scale
from gates.comparison.evidence import ComparisonEvidence
from gates.evidence_view import CohortNames, EvidenceView, PaneUse
from gates.panes import Cell, Pane
from gates.stats.exceedance import Exceedance, SlowCounts
from gates.text import percent
from gates.windows import CohortWindow

TRAILING_MS = 60_000
"""The length of the baseline's past that the threshold is taken from."""

MIN_TAIL = 10
"""Baseline values that must lie beyond the quantile before it is a threshold: with fewer it is noise."""


class QuantileComparison(ComparisonEvidence):
    """Evidence by quantiles. `scale` has the values and their buckets, `sample` picks a cohort's cell out of a pane.

    `trailing` is the baseline's last `TRAILING_MS` before the pane. The caller adds each pane to it after `observe`:
    a threshold that includes the pane itself would not be fixed before it, and the test would lose its validity.
    """

    def __init__(
        self,
        cohorts: CohortNames,
        scale: Scale,
        sample: Callable[[Pane, str], Cell],
        ratio: float,
        start_blocks: int,
        trailing: CohortWindow,
    ) -> None:
        self._worse: Exceedance
        self._good: Exceedance
        super().__init__(Exceedance.regression(scale.quantile, start_blocks), Exceedance.advance(scale.quantile))
        self._cohorts = cohorts
        self._scale = scale
        self._sample = sample
        self._ratio = ratio
        self._trailing = trailing
        self._counted = (0, 0)  # beyond, and all, since the stage was ordered

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""
        candidate = self._sample(pane, self._cohorts.candidate)
        if seen.warming:
            self._worse.bet(None)
        elif seen.compared:
            self._compare(candidate, self._sample(pane, self._cohorts.baseline), seen)
        else:
            self._alone(candidate, seen)

    def _compare(self, candidate: Cell, baseline: Cell, seen: PaneUse) -> None:
        threshold = self._scale.threshold(self._trailing, MIN_TAIL)
        if threshold is None:
            self._worse.bet(None)
            return
        values, base_values = self._scale.total(candidate), self._scale.total(baseline)
        slow = self._scale.at_or_above(candidate, self._scale.scaled_up(threshold, self._ratio))
        base = self._scale.at_or_above(baseline, threshold)
        self._worse.update(SlowCounts(slow, base, values, base_values))
        self._count(slow, values)
        if seen.eligible:
            # The baseline must have values at or above it, else the candidate cannot have fewer.
            highest = min(threshold, self._scale.highest(self._trailing))
            within = self._scale.at_or_above(candidate, self._scale.scaled_down(highest, self._ratio))
            base = base if highest == threshold else self._scale.at_or_above(baseline, highest)
            self._good.update(SlowCounts(within, base, values, base_values))

    def _alone(self, candidate: Cell, seen: PaneUse) -> None:
        beyond, values = self._scale.beyond_limit(candidate), self._scale.total(candidate)
        self._bet_alone(beyond, values, 1.0 - self._scale.quantile, eligible=seen.eligible)
        self._count(beyond, values)

    def _count(self, beyond: int, values: int) -> None:
        self._counted = (self._counted[0] + beyond, self._counted[1] + values)

    def enter_stage(self) -> None:
        """Reset the evidence for an advance."""
        self._good = Exceedance.advance(self._scale.quantile)
        self._counted = (0, 0)

    def describe(self, view: EvidenceView) -> str:
        """How many of the candidate's values were beyond the allowance since the stage was ordered."""
        beyond, values = self._counted
        share = percent(beyond / values) if values else "none"
        allowance = self._scale.allowance(self._ratio, self._cohorts.baseline) if view.compared else "the limit"
        counted = f"{share} of {self._cohorts.candidate}'s {self._scale.noun} ({beyond:,} of {values:,})"
        allowed = percent(1.0 - self._scale.quantile)
        return f"{counted} were {self._scale.beyond} than {allowance}, at most {allowed} allowed"

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return super().dump() | {"seen": list(self._counted)}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        super().load(state)
        self._counted = (state["seen"][0], state["seen"][1])
