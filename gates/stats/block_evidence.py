"""The evidence that a candidate is worse than tolerated, in blocks of time, with starts spread over the rollout.

`gates.stats.block_bets` has the bets. This process decides when blocks open and close, spreads a prior over the panes
at which a degradation may start (E-detectors: Shin, Ramdas, Rinaldo, NEJSDS 2024), and asks for agreement: where parts
of the candidate are known (halves of its users, all instances but one), none may carry the evidence alone. Each part
must reach `AGREEMENT` by itself against the whole baseline, so one client or one instance decides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from gates.stats.block_bets import BlockBets, block_panes, largest_log_factor
from gates.stats.pane_counts import PaneCounts

AGREEMENT = 3.0
"""What each part of the candidate must reach alone, when the whole is at its threshold."""

RECENT_S = 10.0
"""The baseline's recent counts, from which the length of the next block is fixed."""

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
        self._largest = largest_log_factor(rule.weight, 1.0 - rule.weight, rule.least_bad, rule.ratio)
        self._whole = BlockBets.begin(rule.ratio, catastrophe=rule.catastrophe)
        self._parts: dict[str, BlockBets] = {}
        # the baseline's bad events, and all events of candidate and baseline, of recent panes
        self._recent: deque[tuple[float, int, int]] = deque(maxlen=max(1, round(RECENT_S / rule.pane_s)))
        self._prior = StartPrior(max(1, rule.panes))
        self._stage_tick = 0
        self._age, self._length = 0, 1  # of the open block, in panes

    def skip_pane(self) -> None:
        """Let time pass without a bet (warm-up, a hole): an open block ages with the clock."""
        self.add_pane(PaneCounts(0, 0, 0, 0))

    def add_pane(self, counts: PaneCounts, correlation_s: float = 1.0, parts: PartCounts | None = None) -> None:
        """Take in one pane.

        `correlation_s` (rho) is how long bad events hang together, measured on earlier panes only, so that the length
        of a block is fixed before what it counts. `parts` are parts of the candidate's events of the pane.
        """
        mass = self._begin_pane(parts or {})
        base_bad, events, base_events = (sum(pane[index] for pane in self._recent) for index in range(3))
        if self._age == 0:
            if events > 0 and base_events > 0:  # else the last length is kept: nothing better is known
                bad_share = max(self._rule.least_bad, base_bad / base_events)
                self._largest = largest_log_factor(events, base_events, bad_share, self._rule.ratio)
            self._open_block(block_panes(correlation_s, self._largest, self._rule.pane_s))
        cap = self._cap if MOST_BASELINE_BAD * self._rule.ratio * base_bad <= base_events else None
        self._whole.add_pane(counts, mass, cap)
        for name, bets in self._parts.items():
            bad, part_events = (parts or {}).get(name, (0.0, 0))
            bets.add_pane(PaneCounts(bad, counts.baseline_bad, part_events, counts.baseline_events), mass, cap)
        self._age += 1
        if self._age >= self._length:
            self._close_block()
        self._recent.append((counts.baseline_bad, counts.candidate_events, counts.baseline_events))

    def add_alone(
        self, counts: tuple[float, int], objective: float, dispersion: float, parts: PartCounts | None = None
    ) -> None:
        """Take in one pane of the candidate alone, its bad events and all, against the share `objective` of bad ones.

        An open block is closed first. Bets are then made pane by pane, and `dispersion` (phi) divides their logarithms.
        """
        if self._age:
            self._close_block()
        mass = self._begin_pane(parts or {})
        self._open_block(1)
        self._whole.add_alone(counts, objective, dispersion, mass)
        for name, bets in self._parts.items():
            bets.add_alone((parts or {}).get(name, (0.0, 0)), objective, dispersion, mass)
        self._recent.append((0.0, 0, 0))

    def _begin_pane(self, parts: PartCounts) -> float:
        """Move the clocks on, and let new parts join; returns the mass of the prior that starts with the pane."""
        mass = self._prior.advance()
        self._stage_tick += 1
        for name in parts:
            if name not in self._parts:
                bets = BlockBets.begin(self._rule.ratio, catastrophe=self._rule.catastrophe)
                if self._prior.tick > 1:  # all mass that has begun so far begins now, unspent
                    begun = 1.0 - self._prior.unstarted
                    bets.join(begun - self._prior.waiting, begun - mass)
                self._parts[name] = bets
        return mass

    def _open_block(self, length: int) -> None:
        self._length = length
        mass = self._prior.release()
        for bets in (self._whole, *self._parts.values()):
            bets.start(mass)

    @property
    def _cap(self) -> float:
        pane_s = self._rule.pane_s
        early = self._stage_tick <= max(1, round(EARLY_S / pane_s))
        return (EARLY_CAP if early else LATE_CAP) * (1.0 if pane_s < 2.0 else 2.0)  # a long pane holds more at once

    def _close_block(self) -> None:
        for bets in (self._whole, *self._parts.values()):
            bets.close_block()
        self._age = 0

    def enter_stage(self) -> None:
        """A stage begins: what was gathered stays; only the catastrophe row's high cap applies again."""
        self._stage_tick = 0

    def get(self) -> float:
        """The e-value; where parts are known, at most what their agreement allows."""
        waiting, unstarted = self._prior.waiting, self._prior.unstarted
        whole = self._whole.e_value(waiting, unstarted)
        if len(self._parts) < 2:
            return whole
        least = min(bets.e_value(waiting, unstarted) for bets in self._parts.values())
        return min(whole, self._rule.threshold / AGREEMENT * least)

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        prior = [self._prior.tick, self._prior.unstarted, self._prior.waiting]
        clocks = [self._stage_tick, self._age, self._length, self._largest]
        parts = {name: bets.dump() for name, bets in self._parts.items()}
        return [prior, clocks, self._whole.dump(), parts, [list(pane) for pane in self._recent]]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        prior, clocks, whole, parts, recent = state
        self._prior = StartPrior(max(1, self._rule.panes), *prior)
        self._stage_tick, self._age, self._length, self._largest = clocks
        ratio, catastrophe = self._rule.ratio, self._rule.catastrophe
        self._whole = BlockBets.load(ratio, whole, catastrophe=catastrophe)
        self._parts = {name: BlockBets.load(ratio, each, catastrophe=catastrophe) for name, each in parts.items()}
        self._recent.clear()
        self._recent.extend((bad, events, base_events) for bad, events, base_events in recent)
