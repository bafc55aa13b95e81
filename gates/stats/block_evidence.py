"""The evidence that a candidate is worse than tolerated, in blocks of time, with starts spread over the rollout.

`gates.stats.block_bets` has the bets. This process decides when blocks open and close, spreads a prior over the panes
at which a degradation may start (E-detectors: Shin, Ramdas, Rinaldo, NEJSDS 2024), and asks for agreement: where parts
of the candidate are known (halves of its users, all instances but one), none may carry the evidence alone. Each part
must reach `AGREEMENT` by itself against the whole baseline, so one client or one instance decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from gates.stats.block_bets import BlockBets
from gates.stats.block_clock import BlockClock
from gates.stats.largest_blocks import Agreement, LargestBlocks, Span
from gates.stats.pane_counts import PaneCounts

AGREEMENT = 3.0
"""What each part of the candidate must reach alone, when the whole is at its threshold."""

EARLY_S = 10.0
"""The beginning of a stage, in which the catastrophe row may bet more: a candidate that never worked shows here."""

EARLY_CAP = log(32.0)
LATE_CAP = log(8.0)
"""The most that one pane multiplies the catastrophe row by: dependent failures of 2 s (8 s later) can reach 1,000."""

MOST_BASELINE_BAD = 4.0
"""The catastrophe row bets only while the baseline's recent bad share, times `ratio`, is at most a fourth."""

PartCounts = Mapping[str, tuple[float, int]]
"""Bad events and all events of each known part of the candidate in one pane."""


@dataclass(frozen=True, slots=True)
class BlockRule:
    """What a comparison in blocks assumes; fixed for a rollout.

    `ratio` is tolerated, `panes` is how many panes the starts are spread over (twice all bakes), `pane_s` a pane's
    length in seconds, `weight` the candidate's ordered share, `threshold` the e-value that rolls back. `catastrophe`
    switches the row on lost successes on: for error shares only. `least_bad` is the share of the baseline's events that
    is bad by construction: 1 - quantile for a latency, else 0.
    """

    ratio: float
    panes: int
    pane_s: float
    weight: float
    threshold: float
    catastrophe: bool = True
    least_bad: float = 0.0


@dataclass(slots=True)
class StartPrior:
    """The prior over the pane at which a degradation starts: half of it on the first, the rest evenly on all `panes`.

    `unstarted` is mass on later panes; `waiting` is mass whose pane has come, and which bets from the next block on.
    """

    panes: int
    tick: int = 0
    unstarted: float = 1.0
    waiting: float = 0.0

    def advance(self) -> float:
        """Move on by one pane; returns the mass that starts with it."""
        mass = 0.0
        if self.tick < self.panes:
            mass = 0.5 / self.panes + (0.5 if self.tick == 0 else 0.0)
        self.tick += 1
        self.unstarted = max(0.0, self.unstarted - mass)
        self.waiting += mass
        return mass

    def release(self) -> float:
        """The mass that waited; from now on it bets."""
        waiting, self.waiting = self.waiting, 0.0
        return waiting


class BlockEvidence:
    """The e-value for a candidate that is worse than `rule.ratio` times the baseline; 1 at the start.

    >>> evidence = BlockEvidence(BlockRule(1.25, 3600, 1.0, 0.05, 100.0))
    >>> for _ in range(2):
    ...     evidence.add_pane(PaneCounts(50, 9, 50, 950))
    >>> round(evidence.get(), 6)
    103.329278
    """

    def __init__(self, rule: BlockRule) -> None:
        self._rule = rule
        self.clock = BlockClock(rule.ratio, rule.pane_s, rule.weight, rule.least_bad)
        self.largest = LargestBlocks()
        self._whole = BlockBets.begin(rule.ratio, catastrophe=rule.catastrophe)
        self._parts: dict[str, BlockBets] = {}
        self._prior = StartPrior(max(1, rule.panes))
        self._stage_tick = 0
        self._known: float | None = 1.0  # the whole candidate's e-value, once asked for

    def skip_pane(self) -> None:
        """Let time pass without a bet (warm-up, a hole): an open block ages with the clock."""
        self.add_pane(PaneCounts(0, 0, 0, 0))

    def add_pane(
        self, counts: PaneCounts, correlation_s: float = 1.0, parts: PartCounts | None = None, span: Span | None = None
    ) -> None:
        """Take in one pane.

        `correlation_s` (rho) is how long bad events hang together, measured on earlier panes only, so that the length
        of a block is fixed before what it counts. `parts` are parts of the candidate's events of the pane. `span` is
        the time of the counts; None: they are not listed among the largest blocks.
        """
        if counts.compared and self.clock.interrupted(alone=False):
            self._close_block()
        mass = self._begin_pane(parts or {}, opening=self.clock.opens(correlation_s))
        base_bad, _, base_events = self.clock.recent()
        cap = (
            _cap(self._stage_tick, self._rule.pane_s)
            if MOST_BASELINE_BAD * self._rule.ratio * base_bad <= base_events
            else None
        )
        self._whole.add_pane(counts, mass, cap)
        for name, bets in self._parts.items():
            bad, part_events = (parts or {}).get(name, (0.0, 0))
            bets.add_pane(PaneCounts(bad, counts.baseline_bad, part_events, counts.baseline_events), mass, cap)
        if span is not None:
            self.largest.add_counts(counts, span)
        if self.clock.add_pane(counts):
            self._close_block()

    def add_alone(
        self,
        counts: tuple[float, int],
        objective: float,
        correlation_s: float = 1.0,
        parts: PartCounts | None = None,
        span: Span | None = None,
    ) -> None:
        """Take in one pane of the candidate alone, its bad events and all, against the share `objective` of bad ones.

        Such panes make blocks of their own; an open block with a baseline ends before them.
        """
        if self.clock.interrupted(alone=True):
            self._close_block()
        mass = self._begin_pane(parts or {}, opening=self.clock.opens(correlation_s, objective))
        self._whole.add_alone(counts, objective, mass)
        for name, bets in self._parts.items():
            bets.add_alone((parts or {}).get(name, (0.0, 0)), objective, mass)
        alone = PaneCounts(counts[0], 0, counts[1], 0)
        if span is not None:
            self.largest.add_counts(alone, span)
        if self.clock.add_pane(alone):
            self._close_block()

    def _begin_pane(self, parts: PartCounts, *, opening: bool) -> float:
        """Move the prior on, and let new parts join; returns the mass of the prior that starts with the pane."""
        self._known = None
        mass = self._prior.advance()
        self._stage_tick += 1
        for name in parts:
            if name not in self._parts:
                bets = BlockBets.begin(self._rule.ratio, catastrophe=self._rule.catastrophe)
                if self._prior.tick > 1:  # all mass that has begun so far begins now, unspent
                    begun = 1.0 - self._prior.unstarted
                    bets.join(begun - self._prior.waiting, begun - mass)
                self._parts[name] = bets
        if opening:
            released = self._prior.release()
            for bets in (self._whole, *self._parts.values()):
                bets.start(released)
        return mass

    def _close_block(self) -> None:
        before, self._known = self._e_value, None
        for bets in (self._whole, *self._parts.values()):
            bets.close_block()
        self.largest.close(before, self._e_value)

    @property
    def _e_value(self) -> float:
        """That of the whole candidate, whatever its parts show."""
        if self._known is None:
            self._known = self._whole.e_value(self._prior.waiting, self._prior.unstarted)
        return self._known

    def enter_stage(self) -> None:
        """A stage begins: what was gathered stays; only the catastrophe row's high cap applies again."""
        self._stage_tick = 0

    def get(self) -> float:
        """The e-value; where parts are known, at most what their agreement allows."""
        return self.found()[0]

    def found(self) -> tuple[float, Agreement | None]:
        """The e-value, and the agreement of the parts where it limits that."""
        whole = self._e_value
        if len(self._parts) < 2:
            return whole, None
        waiting, unstarted = self._prior.waiting, self._prior.unstarted
        reached = {name: bets.e_value(waiting, unstarted) for name, bets in self._parts.items()}
        weakest = min(reached, key=lambda name: reached[name])
        allowed = self._rule.threshold / AGREEMENT * reached[weakest]
        return (whole, None) if allowed >= whole else (allowed, Agreement(weakest, reached[weakest], AGREEMENT, whole))

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        prior = [self._prior.tick, self._prior.unstarted, self._prior.waiting]
        parts = {name: bets.dump() for name, bets in self._parts.items()}
        return [prior, self._stage_tick, self.clock.dump(), self.largest.dump(), self._whole.dump(), parts]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        prior, self._stage_tick, clock, largest, whole, parts = state
        self._prior, self._known = StartPrior(max(1, self._rule.panes), *prior), None
        self.clock.load(clock)
        self.largest.load(largest)
        ratio, catastrophe = self._rule.ratio, self._rule.catastrophe
        self._whole = BlockBets.load(ratio, whole, catastrophe=catastrophe)
        self._parts = {name: BlockBets.load(ratio, each, catastrophe=catastrophe) for name, each in parts.items()}


def _cap(stage_tick: int, pane_s: float) -> float:
    """The most that a pane may multiply the catastrophe row by, as a logarithm; a long pane holds more at once."""
    early = stage_tick <= max(1, round(EARLY_S / pane_s))
    return (EARLY_CAP if early else LATE_CAP) * (1.0 if pane_s < 2.0 else 2.0)
