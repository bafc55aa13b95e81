"""The rule "each bad event is a witness": the evidence is a product of e-factors, one for each bad event.

It is right where bad events are independent, and the fastest rule there. Where they come in clusters, phi divides the
logarithms (`gates.comparison.dispersion`). It judges epochs under rules 1 and 2, and policies that state
`confidence.dispersion: 1`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gates.comparison.count_evidence import AloneCounts, BlockState, CountedPane, Found
from gates.comparison.dispersion import Dispersion, PanePhi
from gates.stats.advance_sums import AdvanceMargin
from gates.stats.error_share import ErrorShare
from gates.stats.exceedance import Exceedance
from gates.stats.pane_counts import PaneCounts

INDEPENDENT = PanePhi(1.0, 1.0)


class SingleEvents:
    """A `CountEvidence` of two e-processes.

    `new_good` makes the process for an advance, one for each stage. Without a `dispersion` the logarithms are
    not divided. `margin` replaces that of the process, if it has one.
    """

    def __init__(
        self,
        worse: ErrorShare | Exceedance,
        new_good: Callable[[], ErrorShare | Exceedance],
        dispersion: Dispersion | None = None,
        margin: AdvanceMargin | None = None,
    ) -> None:
        self._worse = worse
        self._new_good = new_good
        self._good = new_good()
        self._dispersion = dispersion
        self._margin = margin
        self._is_alone = False  # the last pane had no baseline to add a margin to

    def update(self, counted: CountedPane) -> None:
        """Take in one pane."""
        phi = self._phi(counted)
        self._is_alone = counted.alone is not None
        if counted.alone is not None:
            self._bet_alone(counted.alone, phi.for_rollback, eligible=counted.seen.eligible)
        elif counted.worse is not None:
            self._worse.update(counted.worse, phi.for_rollback)
        else:
            self._worse.bet(None)
        if counted.good is not None:
            self._set_margin(counted.good)
            self._good.update(counted.good, phi.for_advance)
        if counted.good_alone is not None:
            self._good.bet(counted.good_alone.log_factors(self._good.effects), phi.for_advance)

    def _set_margin(self, counts: PaneCounts) -> None:
        if self._margin is not None and isinstance(self._good, ErrorShare) and counts.compared:
            self._good.margin = self._margin.add_pane(counts)

    def _phi(self, counted: CountedPane) -> PanePhi:
        bad, events, cell = counted.baseline
        return INDEPENDENT if self._dispersion is None else self._dispersion.observe(counted.pane, cell, bad, events)

    def _bet_alone(self, counts: AloneCounts, phi: float, *, eligible: bool) -> None:
        self._worse.bet(counts.log_factors(self._worse.effects), phi)
        if eligible:
            self._good.bet(counts.log_factors(self._good.effects), phi)

    def get(self) -> Found:
        """Both e-values."""
        phi = 1.0 if self._dispersion is None else self._dispersion.for_rollback
        margin = None if self._margin is None or self._is_alone else self._margin.get()
        return Found(self._worse.get(), self._good.get(), phi, margin=margin)

    def enter_stage(self) -> None:
        """Reset the evidence for an advance; phi may change."""
        self._good = self._new_good()
        if self._dispersion is not None:
            self._dispersion.enter_stage()
        if self._margin is not None:
            self._margin.enter_stage()

    def blocks(self) -> BlockState | None:
        """None: each bad event counts by itself, and on its own pane."""
        return None

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        known = (
            {} if self._dispersion is None else {"clustering": self._dispersion.dump()}
        )  # the key of older snapshots
        margin = {} if self._margin is None else {"margin": self._margin.dump(), "alone": self._is_alone}
        return {"worse": self._worse.dump(), "good": self._good.dump()} | known | margin

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        self._worse.load(state["worse"])
        self._good.load(state["good"])
        if self._dispersion is not None:
            self._dispersion.load(state["clustering"])
        if self._margin is not None:
            self._margin.load(state["margin"])
            self._is_alone = state["alone"]
