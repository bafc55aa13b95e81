"""The evidence that a candidate is good enough: no worse than `ratio` times the baseline plus a margin, in a stage.

Per effect there is one sum of log factors over the stage, of the share e-factor of `gates.stats.error_share`. The
design effect (phi) as it is known when one looks divides the whole sum, so that what was gathered in a first minute of
ignorance is not divided by that ignorance for the rest of the stage. By simulation, not by proof, at most 5% of
candidates at the boundary pass. A candidate that turns bad late must not pass on old merits: `lately_good` looks at the
last panes alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import fsum, log
from typing import Any

from gates.stats.mixture import finite_exp
from gates.stats.pane_counts import PaneCounts

ADVANCE_EFFECTS: tuple[float, ...] = tuple(1.0 / (1.1 * (20.0 / 1.1) ** (step / 15)) for step in range(16))
"""How many times better than the boundary the bets assume the candidate to be."""


class AdvanceSums:
    """One stage's evidence for an advance; `margin` is a share of bad events that may be added.

    >>> sums = AdvanceSums(1.25, margin=0.005)
    >>> for pane in range(120):
    ...     sums.add_pane(PaneCounts(1 if pane % 4 == 0 else 0, 5, 50, 950), recent=10)
    >>> [round(sums.get(phi), 6) for phi in (2.0, 4.5)], sums.lately_good()
    ([221.423716, 7.051586], True)
    """

    def __init__(self, ratio: float, margin: float) -> None:
        self._ratio = ratio
        self._margin = margin
        self._logs = [0.0] * len(ADVANCE_EFFECTS)
        self._recent: deque[PaneCounts] = deque()

    def add_pane(self, counts: PaneCounts, recent: int) -> None:
        """Take in one pane of the stage; the last `recent` panes must be good as well."""
        self._recent.append(counts)
        while len(self._recent) > recent:
            self._recent.popleft()
        if not counts.compared:
            return
        bad, base_bad, events, base_events = counts
        null = self._ratio * events + base_events
        for index, effect in enumerate(ADVANCE_EFFECTS):
            baseline = null / (effect * self._ratio * events + base_events)
            candidate = effect * baseline
            gained = bad * log(candidate) + base_bad * log(baseline) - events * self._margin * (candidate - 1.0)
            self._logs[index] += gained

    def add_log_factors(self, log_factors: Sequence[float] | None) -> None:
        """Take in one pane that was held against something else than the baseline, as log factors by effect."""
        if log_factors is not None:
            self._logs = [known + factor for known, factor in zip(self._logs, log_factors, strict=True)]

    def get(self, phi: float) -> float:
        """The e-value for a good enough candidate, at a design effect of `phi`, at least 1."""
        return fsum(finite_exp(known / phi) for known in self._logs) / len(ADVANCE_EFFECTS)

    def lately_good(self) -> bool:
        """Whether the last panes lie nearer to the baseline than to the boundary; False without data."""
        bad, base_bad = (fsum(pane[index] for pane in self._recent) for index in (0, 1))
        events, base_events = (sum(int(pane[index]) for pane in self._recent) for index in (2, 3))
        if events <= 0 or base_events <= 0:
            return False
        base = base_bad / base_events
        return bad <= events * (base + 0.5 * ((self._ratio - 1.0) * base + self._margin))

    def dump(self) -> list[Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return [list(self._logs), [list(pane) for pane in self._recent]]

    def load(self, state: Sequence[Any]) -> None:
        """Continue from what `dump` returned."""
        logs, recent = state
        self._logs = list(logs)
        self._recent.clear()
        self._recent.extend(PaneCounts(*pane) for pane in recent)
