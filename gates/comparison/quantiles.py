"""Whether the candidate's quantile is beyond what the baseline's allows: evidence by concurrent exceedance.

The threshold of a pane is the baseline's quantile over the minute before it, so it is fixed before the pane. Then the
values at or above it are counted in both cohorts (the candidate's above `ratio` times it). Where the candidate has all
the traffic, its values beyond the absolute limit are counted, against the share that the quantile allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gates.comparison.count_evidence import AloneCounts, BaselineCounts, CountedPane, CountEvidence
from gates.comparison.distributions import Scale
from gates.comparison.evidence import ComparisonEvidence
from gates.evidence_view import CohortNames, EvidenceView, PaneUse
from gates.panes import Cell, Pane
from gates.stats.pane_counts import PaneCounts
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

    With `atoms`, many equal values are compared rightly: an advance is judged at the lower edge of the bucket that
    holds the quantile, so that equal cohorts, whose values are whole milliseconds for example, differ by the ratio.
    """

    def __init__(
        self,
        cohorts: CohortNames,
        scale: Scale,
        sample: Callable[[Pane, str], Cell],
        ratio: float,
        trailing: CohortWindow,
        evidence: CountEvidence,
        *,
        atoms: bool,
    ) -> None:
        super().__init__(evidence)
        self._atoms = atoms
        self._cohorts = cohorts
        self._scale = scale
        self._sample = sample
        self._ratio = ratio
        self._trailing = trailing
        self._counted = (0, 0)  # beyond, and all, since the stage was ordered

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""
        candidate, baseline = (self._sample(pane, name) for name in (self._cohorts.candidate, self._cohorts.baseline))
        threshold = self._scale.threshold(self._trailing, MIN_TAIL) if seen.compared else None
        counts = BaselineCounts(0, 0, baseline)
        if threshold is not None:
            beyond = self._scale.at_or_above(baseline, threshold)
            counts = BaselineCounts(beyond, self._scale.total(baseline), baseline)
        counted = CountedPane(pane, seen, counts, candidate)
        if not seen.compared and not seen.warming:
            beyond, values = self._scale.beyond_limit(candidate), self._scale.total(candidate)
            counted = counted._replace(alone=AloneCounts(beyond, values, 1.0 - self._scale.quantile))
            self._count(beyond, values)
        elif threshold is not None and not seen.warming:
            counted = self._compared(counted, threshold)
        self._evidence.update(counted)

    def _compared(self, counted: CountedPane, threshold: int) -> CountedPane:
        """The pane with what is compared: values at or above the threshold, and `ratio` times it for the candidate."""
        base, base_values, _ = counted.baseline
        values = self._scale.total(counted.candidate)
        slow = self._scale.at_or_above(counted.candidate, self._scale.scaled_up(threshold, self._ratio))
        self._count(slow, values)
        worse = PaneCounts(slow, base, values, base_values)
        if not counted.seen.eligible:
            return counted._replace(worse=worse)
        counted = counted._replace(worse=worse)
        if not self._atoms:
            # The baseline must have values at or above it, else the candidate cannot have fewer.
            return self._good_enough(counted, min(threshold, self._scale.highest(self._trailing)), values)
        holding = self._scale.holding(self._trailing)
        if self._scale.scaled_down(holding, 2.0) != holding:
            return self._good_enough(counted, holding, values)
        # The quantile is 0, and so is each multiple of it: the candidate is asked for as many values of 0 as that.
        above = self._scale.at_or_above(counted.candidate, holding + 1)
        return counted._replace(good_alone=AloneCounts(above, values, 1.0 - self._scale.quantile))

    def _good_enough(self, counted: CountedPane, bucket: int, values: int) -> CountedPane:
        allowed = self._scale.scaled_down(bucket, self._ratio)
        within = self._scale.at_or_above(counted.candidate, allowed)
        base, usual = (self._scale.at_or_above(counted.baseline.cell, edge) for edge in (bucket, allowed))
        return counted._replace(good=PaneCounts(within, base, values, counted.baseline.events), usual=usual)

    def _count(self, beyond: int, values: int) -> None:
        self._counted = (self._counted[0] + beyond, self._counted[1] + values)

    def enter_stage(self) -> None:
        """Reset the evidence for an advance."""
        super().enter_stage()
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
