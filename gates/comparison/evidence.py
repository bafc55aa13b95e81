"""What all comparisons share: two e-processes, and how they continue where no baseline is left to compare with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from gates.evidence_view import EvidenceView, PaneUse
from gates.panes import Pane
from gates.stats import single_arm
from gates.stats.mixture import EffectMixture
from gates.stats.ratio_interval import Interval


class EValues(NamedTuple):
    """The e-values for the candidate being worse than allowed, and for its being good enough."""

    worse: float
    good: float


class ComparisonEvidence(ABC):
    """Evidence for the candidate being worse than allowed, and for its being good enough.

    A comparison extends `enter_stage`, `dump` and `load` by its own state.
    """

    def __init__(self, worse: EffectMixture, good: EffectMixture) -> None:
        self._worse = worse
        self._good = good

    @property
    def worse(self) -> float:
        """The e-value for the candidate being worse than allowed."""
        return self._worse.get()

    @property
    def good(self) -> float:
        """The e-value for the candidate being good enough."""
        return self._good.get()

    def e_values(self) -> EValues:
        """Both e-values."""
        return EValues(self._worse.get(), self._good.get())

    @abstractmethod
    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""

    @abstractmethod
    def enter_stage(self) -> None:
        """Reset the evidence for an advance; the evidence for a rollback continues over all stages."""

    @abstractmethod
    def describe(self, view: EvidenceView) -> str:
        """The figures since the stage was ordered, as the reason of a verdict has them."""

    def interval(self) -> Interval | None:
        """The ratio to the baseline, for display; None where the comparison has none."""
        return None

    def _bet_alone(
        self, bad: float, events: int, objective: float | None, *, eligible: bool, dispersion: float = 1.0
    ) -> None:
        """Take in one pane of the candidate alone, against the share `objective` of bad events.

        Without an objective, or without events, the pane is no evidence.
        """
        if objective is None or not events:
            self._worse.bet(None)
            return
        self._worse.bet(single_arm.log_factors(bad, events, self._worse.effects, objective), dispersion)
        if eligible:
            self._good.bet(single_arm.log_factors(bad, events, self._good.effects, objective), dispersion)

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return {"worse": self._worse.dump(), "good": self._good.dump()}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        self._worse.load(state["worse"])
        self._good.load(state["good"])
