"""The rule "all bad events of one block of time count as one witness" (`gates.stats.block_evidence`).

Bad events come together: a session fails as a whole, an instance pauses. Blocks are as long as the baseline's bad
events hang together (rho), so that between blocks they are independent. Panes without one of the cohorts wait for one
that has both. Where users are known, each half of them must show by itself that the candidate is worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gates.comparison.count_evidence import AloneCounts, CountedPane, Found
from gates.comparison.parts import CandidateParts
from gates.stats.advance_sums import ADVANCE_EFFECTS, AdvanceSums, MarginRange
from gates.stats.block_evidence import BlockEvidence, BlockRule
from gates.stats.error_correlation import ErrorCorrelation
from gates.stats.pane_merger import PaneMerger

RECENT_MS = 10_000
"""The least time over which the last panes must be good for an advance."""

RECENT_SHARE = 6
"""They are looked at for this part of the bake, if that is longer."""


@dataclass(frozen=True, slots=True)
class AdvanceBound:
    """What a candidate must be shown to keep below: `ratio` times the baseline plus a margin in this range.

    `lately` is whether the last panes must be nearer to the baseline than to the bound.
    """

    ratio: float
    margin: MarginRange
    lately: bool


class Blocks:
    """A `CountEvidence` in blocks. `stated` is the policy's dispersion, which replaces both measured numbers."""

    def __init__(
        self, rule: BlockRule, bound: AdvanceBound, outcomes: Sequence[str | int] = (), stated: float | None = None
    ) -> None:
        self._bound = bound
        self._stated = stated
        self._pane_ms = round(rule.pane_s * 1_000)
        self._worse = BlockEvidence(rule)
        self._good = AdvanceSums(bound.ratio, bound.margin)
        self._correlation = ErrorCorrelation(rule.pane_s)
        self._parts = CandidateParts(outcomes)
        self._thin = PaneMerger(), PaneMerger()  # for a rollback, and for an advance
        self._is_alone = False  # the last pane had no baseline to be near to
        self._found: Found | None = None

    @property
    def _rho(self) -> float:
        return self._correlation.rho if self._stated is None else self._stated

    @property
    def _phi(self) -> float:
        return self._correlation.phi if self._stated is None else self._stated

    def update(self, counted: CountedPane) -> None:
        """Take in one pane. What is measured on it counts from the next pane on."""
        self._found = None
        self._is_alone = counted.alone is not None
        if counted.alone is not None:
            self._bet_alone(counted, counted.alone)
        else:
            self._compare(counted)
        self._correlation.add_pane(*counted.baseline[:2], self._parts.of_baseline(counted.baseline.cell))

    def _compare(self, counted: CountedPane) -> None:
        pane, (worse, good) = counted.pane, self._thin
        parts = None
        if counted.worse is not None:
            whole = counted.worse.candidate_bad, counted.worse.candidate_events
            parts = self._parts.of_candidate(whole, counted.candidate, pane.start)
        merged = worse.merge(pane.start, pane.end, counted.worse, parts)
        if merged is None:
            self._worse.skip_pane()
        else:
            self._worse.add_pane(merged.counts, self._rho, merged.parts)
        merged = good.merge(pane.start, pane.end, counted.good)
        if merged is not None:
            recent = max(RECENT_MS, counted.seen.bake_ms // RECENT_SHARE)
            self._good.add_pane(merged.counts, max(1, recent // self._pane_ms))
        if counted.good_alone is not None:
            self._good.add_log_factors(counted.good_alone.log_factors(ADVANCE_EFFECTS))

    def _bet_alone(self, counted: CountedPane, alone: AloneCounts) -> None:
        if alone.objective is None or not alone.events:
            self._worse.skip_pane()
            return
        whole = alone.bad, alone.events
        parts = self._parts.of_candidate(whole, counted.candidate, counted.pane.start)
        self._worse.add_alone(whole, alone.objective, self._phi, parts)
        if counted.seen.eligible:
            self._good.add_log_factors(alone.log_factors(ADVANCE_EFFECTS))

    def get(self) -> Found:
        """Both e-values, phi, and whether the last panes are good."""
        if self._found is None:  # asked for several times a pane
            phi = self._phi
            lately = self._is_alone or not self._bound.lately or self._good.lately_good()
            margin = None if self._is_alone else self._good.margin
            self._found = Found(self._worse.get(), self._good.get(phi), phi, lately, margin)
        return self._found

    def enter_stage(self) -> None:
        """Reset the evidence for an advance; the evidence for a rollback, its open block and rho stay."""
        self._found = None
        self._worse.enter_stage()
        self._good.enter_stage()
        self._parts.enter_stage()
        for merger in self._thin:
            merger.clear()

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return {
            "worse": self._worse.dump(),
            "good": self._good.dump(),
            "correlation": self._correlation.dump(),
            "parts": self._parts.dump(),
            "thin": [merger.dump() for merger in self._thin],
            "alone": self._is_alone,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        self._found = None
        self._worse.load(state["worse"])
        self._good.load(state["good"])
        self._correlation.load(state["correlation"])
        self._parts.load(state["parts"])
        self._is_alone = state["alone"]
        for merger, known in zip(self._thin, state["thin"], strict=True):
            merger.load(known)
