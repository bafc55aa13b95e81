"""The evidence that a candidate is good enough: no worse than `ratio` times the baseline plus a margin, in a stage.

Per effect there is one sum of log factors over the stage, of the share e-factor of `gates.stats.error_share`. The
design effect (phi) as it is known when one looks divides the whole sum, so that what was gathered in a first minute of
ignorance is not divided by that ignorance for the rest of the stage. By simulation, not by proof, at most 5% of
candidates at the boundary pass. A candidate that turns bad late must not pass on old merits: `lately_good` looks at the
last panes alone.

The margin: without one, a candidate could be shown to be good enough only by comparing many bad events of both cohorts,
and beside a baseline without any it never could. One margin for all services is too much for the good ones: 0.5 points
let six times as many errors pass beside a baseline of 0.1%. So the margin follows the baseline's own share of bad
events. It is measured on earlier panes only (predictable), so that the e-factor of each pane stays valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, log
from typing import Any

from gates.stats import single_arm
from gates.stats.mixture import finite_exp
from gates.stats.pane_counts import PaneCounts
from gates.stats.recent_panes import RecentPanes

ADVANCE_EFFECTS: tuple[float, ...] = tuple(1.0 / (1.1 * (20.0 / 1.1) ** (step / 15)) for step in range(16))
"""How many times better than the boundary the bets assume the candidate to be."""


HIGHEST_MARGIN = 0.005
"""The most that is added where the policy states no margin; also all that was ever added before it had the key."""

LOWEST_MARGIN = 0.002
"""The least: with 0.1 points a candidate without errors waits twice as long (15 minutes at 50 requests a second)."""

TIMES_BASELINE = 2.0
"""The margin in multiples of the baseline's share of bad events."""

PART_OF_LIMIT = 4.0
"""A margin is at most this part of the limit on the same share: within the limit, the comparison must still matter."""

SMOOTHING = 3.0
"""Bad events added to those of the baseline: a few early requests without any are no sign of a service without."""

_DIGITS = 5
"""A margin is rounded to thousandths of a point, so that it is steady and is what people are shown."""


@dataclass(frozen=True, slots=True)
class MarginRange:
    """The smallest and the largest margin, as shares of all events; a stated margin is both."""

    lowest: float
    highest: float

    @classmethod
    def of(cls, stated: float | None, limit: float | None) -> MarginRange:
        """That of a check with this `margin` and this limit on the share of bad events, if it has them.

        >>> MarginRange.of(None, 0.004), MarginRange.of(0.02, 0.05)
        (MarginRange(lowest=0.001, highest=0.001), MarginRange(lowest=0.02, highest=0.02))
        """
        if stated is not None:
            return cls(stated, stated)
        most = HIGHEST_MARGIN if limit is None else limit / PART_OF_LIMIT
        return cls(min(LOWEST_MARGIN, most), min(HIGHEST_MARGIN, most))

    def at(self, base: float) -> float:
        """The margin beside a baseline with this share of bad events.

        >>> MarginRange.of(None, None).at(0.001), MarginRange.of(None, None).at(0.01)
        (0.002, 0.005)
        """
        return min(self.highest, max(self.lowest, round(TIMES_BASELINE * base, _DIGITS)))


class AdvanceMargin:
    """The margin as the baseline's events so far have it, and the one that a stage's panes had in the mean.

    >>> margin = AdvanceMargin(MarginRange.of(None, None))
    >>> margin.add_pane(PaneCounts(0, 24, 1_000, 20_000)), margin.add_pane(PaneCounts(0, 20, 1_000, 20_000))
    (0.005, 0.0027)
    >>> round(margin.get(), 6)
    0.00385
    """

    def __init__(self, allowed: MarginRange) -> None:
        self._allowed = allowed
        self._bad = 0.0
        self._events = 0
        self.enter_stage()

    def enter_stage(self) -> None:
        """A stage begins: its mean starts from nothing; what is known of the baseline stays."""
        self._stage_allowed, self._stage_events = 0.0, 0

    def _next(self) -> float:
        return self._allowed.at((self._bad + SMOOTHING) / self._events) if self._events else self._allowed.highest

    def add_pane(self, counts: PaneCounts) -> float:
        """The margin for a pane, from those before it alone; then take the pane in."""
        margin = self._next()
        self._bad += counts.baseline_bad
        self._events += counts.baseline_events
        self._stage_allowed += counts.candidate_events * margin
        self._stage_events += counts.candidate_events
        return margin

    def get(self) -> float:
        """The mean of the stage so far, weighted by the candidate's events: what its evidence is about."""
        return self._stage_allowed / self._stage_events if self._stage_events else self._next()

    def dump(self) -> list[float]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [self._bad, self._events, self._stage_allowed, self._stage_events]

    def load(self, state: Sequence[float]) -> None:
        """Continue from what `dump` returned."""
        self._bad, self._stage_allowed = state[0], state[2]
        self._events, self._stage_events = int(state[1]), int(state[3])


class AdvanceSums:
    """One stage's evidence for an advance, at margins in the range `allowed`.

    >>> sums = AdvanceSums(1.25, MarginRange(0.005, 0.005))
    >>> for pane in range(120):
    ...     sums.add_pane(PaneCounts(1 if pane % 4 == 0 else 0, 5, 50, 950), recent=10)
    >>> [round(sums.get(phi), 6) for phi in (2.0, 4.5)], sums.lately_good()
    ([221.423716, 7.051586], True)
    """

    def __init__(self, ratio: float, allowed: MarginRange) -> None:
        self._ratio = ratio
        self._margin = AdvanceMargin(allowed)
        self._recent = RecentPanes()
        self.enter_stage()

    def enter_stage(self) -> None:
        """Forget a stage's evidence; the margin stays as the baseline has it."""
        self._logs = [0.0] * len(ADVANCE_EFFECTS)
        self._recent.clear()
        self._margin.enter_stage()

    @property
    def margin(self) -> float:
        """The mean margin of the stage, as a share of the candidate's events."""
        return self._margin.get()

    def add_pane(self, counts: PaneCounts, recent: int, usual: float | None = None) -> None:
        """Take in one pane of the stage; the last `recent` panes must be good as well.

        `usual` is how many events of the baseline are bad by the candidate's measure; None: those that are bad.
        """
        margin = self._margin.add_pane(counts)
        if not counts.compared:
            return
        self._recent.add_pane(counts, counts.baseline_bad if usual is None else usual, margin, recent)
        bad, base_bad, events, base_events = counts
        null = self._ratio * events + base_events
        for index, effect in enumerate(ADVANCE_EFFECTS):
            baseline = null / (effect * self._ratio * events + base_events)
            candidate = effect * baseline
            gained = bad * log(candidate) + base_bad * log(baseline) - events * margin * (candidate - 1.0)
            self._logs[index] += gained

    def add_alone(self, counts: tuple[float, int], objective: float, recent: int) -> None:
        """Take in one pane that is held against a share of bad events: the bad ones, and all."""
        factors = single_arm.log_factors(*counts, ADVANCE_EFFECTS, objective)
        self._logs = [known + factor for known, factor in zip(self._logs, factors, strict=True)]
        self._recent.add_alone(counts, objective, recent)

    def get(self, phi: float) -> float:
        """The e-value for a good enough candidate, at a design effect of `phi`, at least 1."""
        return fsum(finite_exp(known / phi) for known in self._logs) / len(ADVANCE_EFFECTS)

    def lately_good(self) -> bool:
        """Whether the last panes are nearer to what is usual than to the boundary; False without data."""
        return self._recent.are_good(self._ratio)

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [list(self._logs), self._recent.dump(), self._margin.dump()]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        logs, recent, margin = state
        self._logs = list(logs)
        self._recent.load(recent)
        self._margin.load(margin)
