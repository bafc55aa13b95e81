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
from typing import Any, NamedTuple

from gates.stats.block_bets import (
    BlockBets,
    PaneCounts,
    block_panes,
    catastrophe_log_factor,
    largest_log_factor,
    log_of_begun,
)

AGREEMENT = 3.0
"""What each part of the candidate must reach alone, when the whole is at its threshold."""

RECENT_S = 10.0
"""The baseline's recent counts, from which the length of the next block is fixed."""

EARLY_S = 10.0
"""The beginning of a stage, in which the catastrophe row may say more: a candidate that never worked shows here."""

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


class Recent(NamedTuple):
    """One recent pane: the baseline's bad events, and all events of candidate and baseline."""

    baseline_bad: float
    candidate_events: int
    baseline_events: int


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
        self._panes = max(1, rule.panes)
        self._largest = largest_log_factor(rule.weight, 1.0 - rule.weight, rule.least_bad, rule.ratio)
        self._whole = self._bets()
        self._parts: dict[str, BlockBets] = {}
        self._recent: deque[Recent] = deque(maxlen=max(1, round(RECENT_S / rule.pane_s)))
        self._tick = self._stage_tick = 0
        self._unstarted, self._waiting = 1.0, 0.0  # mass of the prior that has not begun, and that waits for a block
        self._age, self._length = 0, 1  # of the open block, in panes

    def _bets(self) -> BlockBets:
        return BlockBets(self._rule.ratio, log_catastrophe=-float("inf") if self._rule.catastrophe else None)

    def _mass(self) -> float:
        """The prior mass on a degradation that starts at this pane: half of it at the first."""
        if self._tick >= self._panes:
            return 0.0
        return 0.5 / self._panes + (0.5 if self._tick == 0 else 0.0)

    def skip_pane(self) -> None:
        """Let time pass without a bet (warm-up, a hole): an open block ages with the clock."""
        self.add_pane(PaneCounts(0, 0, 0, 0))

    def add_pane(self, counts: PaneCounts, correlation_s: float = 1.0, parts: PartCounts | None = None) -> None:
        """Take in one pane.

        `correlation_s` (rho) is how long bad events hang together, measured on earlier panes only, so that the length
        of a block is fixed before what it counts. `parts` are parts of the candidate's events of the pane.
        """
        mass = self._mass()
        self._tick += 1
        self._unstarted = max(0.0, self._unstarted - mass)
        self._waiting += mass
        parts = parts or {}
        for name in parts:
            if name not in self._parts:
                self._parts[name] = self._late_part(mass)
        if self._age == 0:
            self._open_block(correlation_s)
        self._stage_tick += 1
        self._add(self._whole, counts, mass)
        for name, bets in self._parts.items():
            bad, events = parts.get(name, (0.0, 0))
            self._add(bets, PaneCounts(bad, counts.baseline_bad, events, counts.baseline_events), mass)
        self._age += 1
        if self._age >= self._length:
            self._close_block()
        self._recent.append(Recent(counts.baseline_bad, counts.candidate_events, counts.baseline_events))

    def _late_part(self, mass: float) -> BlockBets:
        """A part that is seen for the first time: all mass that has begun so far begins now, unspent."""
        bets = self._bets()
        if self._tick > 1:
            bets.log_wealth = [log_of_begun(1.0 - self._unstarted - self._waiting)] * len(bets.log_wealth)
            if self._rule.catastrophe:
                bets.log_catastrophe = log_of_begun(1.0 - self._unstarted - mass)
        return bets

    def _open_block(self, correlation_s: float) -> None:
        base_bad, events, base_events = self._recent_sums()
        if events > 0 and base_events > 0:  # else the last length is kept: nothing better is known
            bad_share = max(self._rule.least_bad, base_bad / base_events)
            self._largest = largest_log_factor(events, base_events, bad_share, self._rule.ratio)
        self._length = block_panes(correlation_s, self._largest, self._rule.pane_s)
        for bets in (self._whole, *self._parts.values()):
            bets.start(self._waiting)
        self._waiting = 0.0

    def _recent_sums(self) -> tuple[float, int, int]:
        return (
            sum(pane.baseline_bad for pane in self._recent),
            sum(pane.candidate_events for pane in self._recent),
            sum(pane.baseline_events for pane in self._recent),
        )

    def _add(self, bets: BlockBets, counts: PaneCounts, mass: float) -> None:
        bets.add_pane(counts)
        if bets.log_catastrophe is None:
            return
        base_bad, _, base_events = self._recent_sums()
        sound = MOST_BASELINE_BAD * self._rule.ratio * base_bad <= base_events
        bets.bet_on_successes(mass, catastrophe_log_factor(counts, self._cap) if sound else 0.0)

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
        """A stage begins: what was gathered stays; only the catastrophe row's high cap applies anew."""
        self._stage_tick = 0

    def get(self) -> float:
        """The e-value; where parts are known, at most what their agreement allows."""
        whole = self._whole.e_value(self._waiting, self._unstarted)
        if len(self._parts) < 2:
            return whole
        least = min(bets.e_value(self._waiting, self._unstarted) for bets in self._parts.values())
        return min(whole, self._rule.threshold / AGREEMENT * least)

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        clocks = [self._tick, self._stage_tick, self._unstarted, self._waiting, self._age, self._length, self._largest]
        parts = {name: bets.dump() for name, bets in self._parts.items()}
        return [clocks, self._whole.dump(), parts, [list(pane) for pane in self._recent]]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        clocks, whole, parts, recent = state
        self._tick, self._stage_tick, self._unstarted, self._waiting, self._age, self._length, self._largest = clocks
        ratio, catastrophe = self._rule.ratio, self._rule.catastrophe
        self._whole = BlockBets.load(ratio, whole, catastrophe=catastrophe)
        self._parts = {name: BlockBets.load(ratio, each, catastrophe=catastrophe) for name, each in parts.items()}
        self._recent.clear()
        self._recent.extend(Recent(*pane) for pane in recent)
