"""Whether the candidate's quantile is beyond what the baseline's allows: evidence by concurrent exceedance.

The threshold of a pane is the baseline's quantile over the minute before it, so it is known before the pane is; then
both cohorts' values at or above it are counted (the candidate's above `ratio` times it). Where the candidate has all
the traffic, what is counted are its values beyond the absolute limit, against the share that the quantile allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gates.comparison.distributions import Scale
from gates.comparison.evidence import Betting
from gates.evidence_view import CohortNames, EvidenceView, PaneUse
from gates.panes import Cell, Pane
from gates.stats.exceedance import Exceedance, SlowCounts
from gates.stats.ratio_interval import Interval
from gates.text import percent
from gates.windows import CohortWindow

TRAILING_MS = 60_000
"""How much of the baseline's past makes the threshold."""

MIN_TAIL = 10
"""The threshold is taken once the baseline has so many values beyond it: before, it would be noise."""


class Exceeding(Betting):
    """An `Evidence`. `scale` knows the values and their buckets, `sample` picks a cohort's cell out of a pane.

    `trailing` is the baseline's last `TRAILING_MS`, which whoever gives it moves on after each pane.
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
        self._seen = (0, 0)

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
            highest = min(threshold, self._scale.highest(self._trailing))  # beyond it, nothing could be seen to be less
            within = self._scale.at_or_above(candidate, self._scale.scaled_down(highest, self._ratio))
            base = base if highest == threshold else self._scale.at_or_above(baseline, highest)
            self._good.update(SlowCounts(within, base, values, base_values))

    def _alone(self, candidate: Cell, seen: PaneUse) -> None:
        beyond, values = self._scale.beyond_limit(candidate), self._scale.total(candidate)
        self._bet_alone(beyond, values, 1.0 - self._scale.quantile, eligible=seen.eligible)
        self._count(beyond, values)

    def _count(self, beyond: int, values: int) -> None:
        self._seen = (self._seen[0] + beyond, self._seen[1] + values)

    def enter_stage(self) -> None:
        """Forget what spoke for an advance; keep what speaks for a rollback."""
        self._good = Exceedance.advance(self._scale.quantile)
        self._seen = (0, 0)

    def words(self, view: EvidenceView) -> str:
        """How many of the candidate's values were beyond what is allowed, since the stage was ordered."""
        beyond, values = self._seen
        cohorts, allowed = self._cohorts, percent(1.0 - self._scale.quantile)
        share = percent(beyond / values) if values else "none"
        against = self._scale.allowance(self._ratio, cohorts.baseline) if view.compared else "the limit"
        found = f"{share} of {cohorts.candidate} ({beyond:,} of {values:,}) {self._scale.beyond} than {against}"
        return f"{found}, {allowed} expected at most"

    def interval(self) -> Interval | None:
        """None: a quantile shows an interval of its own."""
        return None

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return {"worse": self._worse.dump(), "good": self._good.dump(), "seen": list(self._seen)}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        self._worse.load(state["worse"])
        self._good.load(state["good"])
        self._seen = (state["seen"][0], state["seen"][1])
