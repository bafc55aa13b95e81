"""The rule "all bad events of one block of time count as one witness" (`gates.stats.block_evidence`).

Bad events come together: a session fails as a whole, an instance pauses. Blocks are as long as the baseline's bad
events hang together (rho), so that between blocks they are independent. Panes without one of the cohorts wait for one
that has both. Where users are known, each half of them must show by itself that the candidate is worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gates.comparison.count_evidence import AloneCounts, BlockState, Clustering, CountedPane, Found
from gates.comparison.parts import CandidateParts
from gates.stats.advance_sums import AdvanceSums, MarginRange
from gates.stats.block_evidence import BlockEvidence, BlockRule
from gates.stats.error_correlation import ErrorCorrelation
from gates.stats.pane_merger import PaneMerger

RECENT_MS = 10_000
"""The least time over which the last panes must be good for an advance."""

RECENT_SHARE = 6
"""They are looked at for this part of the bake, if that is longer."""

_USUAL = "usual"  # counted beside a pane that waits, as its parts are

MOST_OWN_RHO_S = 4.0
"""A candidate that is alone lengthens its own blocks up to this rho. Without a bound, the step as it begins to fail
would look like errors that hang together, and make the gate slow to see it."""


@dataclass(frozen=True, slots=True)
class AdvanceBound:
    """What a candidate must be shown to keep below: `ratio` times the baseline plus a margin in this range."""

    ratio: float
    margin: MarginRange


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
        self._alone: float | None = None  # of a candidate that has all the traffic: the baseline's last rho
        self._found: Found | None = None

    @property
    def _rho(self) -> float:
        if self._stated is not None:
            return self._stated
        if self._alone is None:
            return self._correlation.rho
        return max(self._alone, min(MOST_OWN_RHO_S, self._correlation.rho))

    @property
    def _phi(self) -> float:
        return self._correlation.phi if self._stated is None else self._stated

    def update(self, counted: CountedPane) -> None:
        """Take in one pane. What is measured on it counts from the next pane on."""
        self._found = None
        if counted.alone is not None:
            self._alone = self._correlation.rho if self._alone is None else self._alone
            self._bet_alone(counted, counted.alone)
        else:
            self._alone = None
            self._compare(counted)
        self._measure(counted)

    def _measure(self, counted: CountedPane) -> None:
        alone = counted.alone
        if alone is not None and alone.objective is not None:
            # No baseline is left to measure on. By time only: an instance that fails all the time differs from the
            # others for as long as it runs, which between parts would look like errors that hang together.
            self._correlation.add_pane(alone.bad, alone.events)
        else:
            bad, events, cell = counted.baseline
            self._correlation.add_pane(bad, events, self._parts.of_baseline(cell))

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
            self._worse.add_pane(merged.counts, self._rho, merged.parts, (merged.start, pane.end))
        recent, usual = _recent_panes(counted, self._pane_ms), counted.usual
        beside = None if usual is None else {_USUAL: (usual, 0)}
        merged = good.merge(pane.start, pane.end, counted.good, beside)
        if merged is not None:
            known = merged.parts.get(_USUAL)
            self._good.add_pane(merged.counts, recent, None if known is None else known[0])
        if counted.good_alone is not None:
            _add_alone(self._good, counted.good_alone, recent)

    def _bet_alone(self, counted: CountedPane, alone: AloneCounts) -> None:
        if alone.objective is None or not alone.events:
            self._worse.skip_pane()
            return
        whole, span = (alone.bad, alone.events), (counted.pane.start, counted.pane.end)
        parts = self._parts.of_candidate(whole, counted.candidate, counted.pane.start)
        self._worse.add_alone(whole, alone.objective, self._rho, parts, span)
        if counted.seen.eligible:
            _add_alone(self._good, alone, _recent_panes(counted, self._pane_ms))

    def get(self) -> Found:
        """Both e-values, phi, and whether the last panes are good."""
        if self._found is None:  # asked for several times a pane
            phi = self._phi
            lately = self._good.lately_good()
            worse, agreement = self._worse.found()
            margin = None if self._alone is not None else self._good.margin
            clustering = Clustering(self._rho, self._good.get(1.0), self._correlation.settled)
            known = None if self._stated is not None else clustering
            dropped = self._thin[1].dropped
            self._found = Found(worse, self._good.get(phi), phi, lately, agreement, margin, known, dropped)
        return self._found

    def blocks(self) -> BlockState:
        """The open block, and what made the evidence for a rollback."""
        found, rho = self.get(), self._rho
        left, length = self._worse.clock.next_look(rho)
        whole = found.worse if found.agreement is None else found.agreement.whole
        report = self._worse.largest.report(whole, found.agreement)
        times = left * self._pane_ms, length * self._pane_ms
        stated = self._stated is not None
        return BlockState(*times, rho, found.phi, stated, stated or self._correlation.settled, report)

    def enter_stage(self) -> None:
        """Reset the evidence for an advance; the evidence for a rollback, its open block and rho stay."""
        self._found = None
        self._worse.enter_stage()
        self._good.enter_stage()
        self._parts.enter_stage()
        for merger in self._thin:
            merger.clear()
        self._thin[1].dropped = 0

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return {
            "worse": self._worse.dump(),
            "good": self._good.dump(),
            "correlation": self._correlation.dump(),
            "parts": self._parts.dump(),
            "thin": [merger.dump() for merger in self._thin],
            "alone": self._alone,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        self._found = None
        self._worse.load(state["worse"])
        self._good.load(state["good"])
        self._correlation.load(state["correlation"])
        self._parts.load(state["parts"])
        self._alone = state["alone"]
        for merger, known in zip(self._thin, state["thin"], strict=True):
            merger.load(known)


def _recent_panes(counted: CountedPane, pane_ms: int) -> int:
    """How many panes must lately be good."""
    return max(1, max(RECENT_MS, counted.seen.bake_ms // RECENT_SHARE) // pane_ms)


def _add_alone(good: AdvanceSums, alone: AloneCounts, recent: int) -> None:
    if alone.objective is not None and alone.events:
        good.add_alone((alone.bad, alone.events), alone.objective, recent)
