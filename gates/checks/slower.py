"""Whether the candidate is slower than the baseline: one latency quantile compared by concurrent exceedance.

The threshold of a pane is the baseline's quantile over the minute before it, so it is known before the pane is; then
both cohorts' requests at or above it are counted (the candidate's above `ratio` times it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from gates.explain import percent
from gates.panes import Cell, Pane
from gates.policy import Cohorts
from gates.stats.exceedance import Exceedance, SlowCounts, at_or_above, scaled_down, scaled_up, threshold
from gates.stats.histogram import Histogram
from gates.windows import CohortWindow

TRAILING_MS = 60_000
"""How much of the baseline's past makes the threshold."""

MIN_TAIL = 10
"""The threshold is taken once the baseline has so many requests beyond it: before, it would be noise."""


class Slower:
    """Evidence for and against `quantile` of the candidate being `ratio` times the baseline's."""

    def __init__(self, cohorts: Cohorts, quantile: float, ratio: float, start_blocks: int) -> None:
        self._cohorts = cohorts
        self._quantile = quantile
        self._ratio = ratio
        self._trailing = CohortWindow(TRAILING_MS)
        self._worse = Exceedance.regression(quantile, start_blocks)
        self._good = Exceedance.advance(quantile)
        self._seen = (0, 0)

    def observe(self, pane: Pane, *, eligible: bool) -> None:
        """Take in one pane."""
        candidate, baseline = pane.cell(self._cohorts.candidate), pane.cell(self._cohorts.baseline)
        trailing = self._trailing.latency()
        known = threshold(trailing, self._quantile)
        if known is None or trailing.total * (1.0 - self._quantile) < MIN_TAIL:
            self._worse.update(SlowCounts(0, 0, 0, 0))
        else:
            slow = at_or_above(candidate.latency, scaled_up(known, self._ratio))
            base = at_or_above(baseline.latency, known)
            self._worse.update(SlowCounts(slow, base, candidate.requests, baseline.requests))
            self._seen = (self._seen[0] + slow, self._seen[1] + candidate.requests)
            if eligible:
                within = at_or_above(candidate.latency, scaled_down(known, self._ratio))
                self._good.update(SlowCounts(within, base, candidate.requests, baseline.requests))
        self._trailing.push(pane.start, pane.end, baseline)

    def enter_stage(self) -> None:
        """Forget what spoke for an advance; keep what speaks for a rollback."""
        self._good = Exceedance.advance(self._quantile)
        self._seen = (0, 0)

    @property
    def worse(self) -> float:
        """The e-value for the candidate being slower than allowed."""
        return self._worse.get()

    @property
    def good(self) -> float:
        """The e-value for the candidate being fast enough."""
        return self._good.get()

    def figures(self) -> str:
        """What was seen since the stage was ordered, in words."""
        slow, requests = self._seen
        cohorts = self._cohorts
        share = percent(slow / requests) if requests else "none"
        return (
            f"{share} of {cohorts.candidate} ({slow:,} of {requests:,}) slower than {self._ratio:g} times "
            f"{cohorts.baseline}'s {_ordinal(self._quantile)}, {percent(1.0 - self._quantile)} expected at most"
        )

    def dump(self) -> dict[str, object]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return {
            "worse": self._worse.dump(),
            "good": self._good.dump(),
            "seen": list(self._seen),
            "end": self._trailing.end,
            "trailing": [
                [start, list(cell.counts), *cell.latency.to_lists()] for start, cell in self._trailing.panes()
            ],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from what `dump` returned."""
        self._worse.load(cast("tuple[int, Sequence[float | None]]", state["worse"]))
        self._good.load(cast("tuple[int, Sequence[float | None]]", state["good"]))
        self._seen = (state["seen"][0], state["seen"][1])
        for start, counts, indices, buckets in state["trailing"]:
            cell = Cell(tuple(counts), Histogram.from_lists(indices, buckets))
            self._trailing.push(start, start, cell)
        self._trailing.push(state["end"], state["end"], Cell())


def _ordinal(quantile: float) -> str:
    """p95 for 0.95.

    >>> _ordinal(0.95), _ordinal(0.999)
    ('p95', 'p99.9')
    """
    return f"p{quantile * 100.0:.6g}"
