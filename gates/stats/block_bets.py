"""Bets on blocks of time: all bad events of one block count as one witness.

The evidence that the candidate is worse than `ratio` times the baseline is multiplied, block by block, by the MEAN over
the block's bad events of what each of them alone would multiply it by. A mean of e-values is an e-value whatever their
dependence (Vovk and Wang, Annals of Statistics 49(3), 2021; the weighted mean is the only admissible merger, Wang,
arXiv 2409.19888), so bad events of one block may come together as they like: a session that fails as a whole, a pause
of one instance. Independence is needed between blocks only, and `gates.stats.error_correlation` measures how long a
block must be for that. The product over blocks is a product of bets `1 + lambda (share - share of the null)` on a
bounded variable (Waudby-Smith and Ramdas, JRSS-B 2024).

The catastrophe row bets on lost successes, pane by pane, so that a candidate that fails everything is found within two
seconds; a cap bounds what dependence can make of it.

Without a baseline, events are held against a share of bad ones, the objective. Then each event, bad or good, is an
e-value, and a block multiplies by the mean over all of them: by the share of bad ones over the objective at most.

Counts are of one pane: bad events (a bounded quantity may give fractions) and all events, of candidate and baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, floor, fsum, inf, log
from typing import Any

from gates.stats.mixture import LARGEST_LOG, REMEMBERED, log_add
from gates.stats.pane_counts import PaneCounts

EFFECTS: tuple[float, ...] = tuple(1.1 * (256.0 / 1.1) ** (step / 11) for step in range(12))
"""How many times worse than tolerated the bets assume the candidate to be. A mean needs bolder bets than a product, so
the grid reaches 256 and all effects weigh alike."""

MOST_LOG = 4.0
"""A block is planned for a factor of e^4 at most: without a bound, blocks of a candidate at 0.1% would take 7 s."""

LONGEST_BLOCK_S = 60.0

_LEAST_MASS = 1e-300
"""A part that joins before any mass has begun starts from almost none, so that its logarithm is finite."""

CATASTROPHE_WEIGHT = 0.2
"""The share of the evidence that bets on lost successes."""

_KEEPS = 0.5
"""Under the null of the catastrophe row the candidate still succeeds half as often as the baseline."""

_CATASTROPHE_EFFECT = 0.04
"""The alternative: it succeeds this many times as often as under the null."""


@lru_cache(maxsize=REMEMBERED)
def event_factors(candidate_events: int, baseline_events: int, ratio: float) -> tuple[tuple[float, float], ...]:
    """What one bad event of the candidate, and one of the baseline, multiplies the evidence by; one pair per effect.

    >>> [round(factor, 6) for factor in event_factors(50, 950, 1.25)[0]]
    [1.093252, 0.993865]
    """
    null = ratio * candidate_events + baseline_events
    baseline = [null / (effect * ratio * candidate_events + baseline_events) for effect in EFFECTS]
    return tuple((effect * factor, factor) for effect, factor in zip(EFFECTS, baseline, strict=True))


@lru_cache(maxsize=REMEMBERED)
def alone_factors(objective: float) -> tuple[tuple[float, float], ...]:
    """The same against a share `objective` of bad events: for one bad event, and for one good one.

    >>> [round(factor, 6) for factor in alone_factors(0.02)[0]]
    [1.097804, 0.998004]
    """
    return tuple(
        (effect / (1.0 + objective * (effect - 1.0)), 1.0 / (1.0 + objective * (effect - 1.0))) for effect in EFFECTS
    )


def largest_log_factor(candidate_events: float, baseline_events: float, bad_share: float, ratio: float) -> float:
    """Log of the largest factor that a block can have: each event of the candidate bad, of the baseline `bad_share`.

    >>> round(largest_log_factor(50, 950, 0.01, 1.25), 6)
    2.611058
    """
    weighted = ratio * candidate_events + baseline_events
    return log(weighted / (ratio * (candidate_events + bad_share * baseline_events)))


def block_panes(correlation_s: float, largest: float, pane_s: float) -> int:
    """The length of a block in panes: `correlation_s` (rho) times the log of its largest factor, in seconds.

    A block whose largest factor is less than e for each second of its length would lose evidence; a shorter one would
    count bad events that hang together more than once.

    >>> block_panes(1.0, 2.61, 1.0), block_panes(40.0, 4.0, 1.0), block_panes(3.0, 2.61, 5.0)
    (3, 60, 2)
    """
    seconds = min(LONGEST_BLOCK_S, correlation_s * min(MOST_LOG, largest))
    return max(1, floor(seconds / pane_s + 0.5))


def catastrophe_log_factor(counts: PaneCounts, cap: float) -> float:
    """Log of what one pane's successes multiply the catastrophe row by, at most `cap`.

    The alternative is that the candidate succeeds 4% as often as under the null, which is half as often as the
    baseline. Each cohort's requests must be independent given the past; the cap bounds what dependence can do.

    >>> round(catastrophe_log_factor(PaneCounts(1, 1, 2, 20), inf), 6)
    -2.283033
    """
    bad, base_bad, events, base_events = counts
    if not counts.compared:
        return 0.0
    null, alternative = _KEEPS * events + base_events, _CATASTROPHE_EFFECT * _KEEPS * events + base_events
    lost = (events - bad) * log(_CATASTROPHE_EFFECT * null / alternative)
    return min(cap, lost + (base_events - base_bad) * log(null / alternative))


@dataclass(slots=True)
class BlockBets:
    """The bets on the candidate, or on a part of it, against the whole baseline.

    `log_wealth` has one logarithm per effect, `log_catastrophe` that of the catastrophe row (None without one). Mass of
    the prior over starting times joins when a block opens (`start`), the catastrophe row's in each pane. `witnesses` is
    how many events the mean of the open block is over: the bad ones, and without a baseline all.
    """

    ratio: float
    log_wealth: list[float] = field(default_factory=lambda: [-inf] * len(EFFECTS))
    log_catastrophe: float | None = None
    witnesses: float = 0.0
    _sums: list[float] = field(default_factory=lambda: [0.0] * len(EFFECTS))

    def start(self, mass: float) -> None:
        """Let this much of the prior's mass bet from the block that opens now."""
        if mass > 0.0:
            fresh = log(mass)
            self.log_wealth = [log_add(known, fresh) for known in self.log_wealth]

    @classmethod
    def begin(cls, ratio: float, *, catastrophe: bool) -> BlockBets:
        """Bets without any mass yet, with a catastrophe row or without."""
        return cls(ratio, log_catastrophe=-inf if catastrophe else None)

    def join(self, mass: float, catastrophe_mass: float) -> None:
        """Begin late, with the mass that has begun elsewhere, unspent."""
        self.log_wealth = [log(max(_LEAST_MASS, mass))] * len(EFFECTS)
        if self.log_catastrophe is not None:
            self.log_catastrophe = log(max(_LEAST_MASS, catastrophe_mass))

    def add_pane(self, counts: PaneCounts, mass: float, cap: float | None) -> None:
        """Add one pane to the open block, and to the catastrophe row, whose `mass` starts with the pane.

        `cap` bounds the row's log factor; None: it does not bet.
        """
        if counts.compared and counts.candidate_bad + counts.baseline_bad > 0:
            factors = event_factors(counts.candidate_events, counts.baseline_events, self.ratio)
            bad, base_bad = counts.candidate_bad, counts.baseline_bad
            self._sums = [
                known + bad * candidate + base_bad * baseline
                for known, (candidate, baseline) in zip(self._sums, factors, strict=True)
            ]
            self.witnesses += bad + base_bad
        self._bet_on_successes(mass, 0.0 if cap is None else catastrophe_log_factor(counts, cap))

    def add_alone(self, counts: tuple[float, int], objective: float, mass: float) -> None:
        """Add one pane without a baseline, its bad events and all, to an open block of such panes.

        All its events are witnesses, the good ones too: against a share of bad ones, each is an e-value by itself.
        """
        bad, events = counts
        self._sums = [
            known + bad * factor + (events - bad) * good
            for known, (factor, good) in zip(self._sums, alone_factors(objective), strict=True)
        ]
        self.witnesses += events
        self._bet_on_successes(mass, 0.0)

    def _bet_on_successes(self, mass: float, log_factor: float) -> None:
        if self.log_catastrophe is not None:
            if mass > 0.0:
                self.log_catastrophe = log_add(self.log_catastrophe, log(mass))
            self.log_catastrophe += log_factor

    def close_block(self) -> None:
        """Multiply by the mean over the block's witnesses; a block without any changes nothing."""
        if self.witnesses > 0:
            self.log_wealth = [
                known + log(total / self.witnesses) for known, total in zip(self.log_wealth, self._sums, strict=True)
            ]
        self._sums, self.witnesses = [0.0] * len(EFFECTS), 0.0

    def e_value(self, waiting: float, unstarted: float) -> float:
        """The e-value as of the last closed block; `waiting` and `unstarted` is mass that does not bet yet."""
        blocks = fsum([exp(min(known, LARGEST_LOG)) for known in self.log_wealth]) / len(EFFECTS) + waiting + unstarted
        if self.log_catastrophe is None:
            return blocks
        catastrophe = exp(min(self.log_catastrophe, LARGEST_LOG)) + unstarted
        return (1.0 - CATASTROPHE_WEIGHT) * blocks + CATASTROPHE_WEIGHT * catastrophe

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [_open_logs(self.log_wealth), self._sums, self.witnesses, _open_logs([self.log_catastrophe])[0]]

    @classmethod
    def load(cls, ratio: float, state: Sequence[Any], *, catastrophe: bool) -> BlockBets:
        """The bets that `dump` described."""
        wealth, sums, witnesses, row = state
        known = [-inf if each is None else each for each in wealth]
        log_row = (-inf if row is None else row) if catastrophe else None
        return cls(ratio, known, log_row, witnesses, list(sums))


def _open_logs(logs: Sequence[float | None]) -> list[float | None]:
    """Logarithms as JSON has them: minus infinity, the log of no mass, becomes null."""
    return [None if known is None or known == -inf else known for known in logs]
