"""What all comparisons share: counts of a pane in, e-values out, by one of the rules for evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from gates.comparison.count_evidence import BlockState, CountEvidence, Found
from gates.evidence_view import EvidenceView, PaneUse
from gates.panes import Pane
from gates.stats.ratio_interval import Interval

SUSPICION = 10.0
"""From this e-value for a worse candidate on it does not advance, though it is not yet rolled back."""


class ComparisonEvidence(ABC):
    """Evidence for the candidate being worse than allowed, and for its being good enough.

    A comparison counts, and extends `enter_stage`, `dump` and `load` by its own state.
    """

    def __init__(self, evidence: CountEvidence) -> None:
        self._evidence = evidence

    @property
    def worse(self) -> float:
        """The e-value for the candidate being worse than allowed."""
        return self.found().worse

    def found(self) -> Found:
        """Both e-values, and what qualifies them."""
        return self._evidence.get()

    def blocks(self) -> BlockState | None:
        """How it stands, where it counts in blocks; else None."""
        return self._evidence.blocks()

    @abstractmethod
    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""

    def enter_stage(self) -> None:
        """Reset the evidence for an advance; the evidence for a rollback continues over all stages."""
        self._evidence.enter_stage()

    @abstractmethod
    def describe(self, view: EvidenceView) -> str:
        """The figures since the stage was ordered, as the reason of a verdict has them."""

    def interval(self) -> Interval | None:
        """The ratio to the baseline, for display; None where the comparison has none."""
        return None

    def dump(self) -> dict[str, Any]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return self._evidence.dump()

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `dump` returned."""
        self._evidence.load(state)
