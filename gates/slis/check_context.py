"""What a definition uses from the rest of its policy to build its check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gates.evidence_view import CohortNames, Thresholds
from gates.rules import JudgingRules
from gates.stats.block_evidence import BlockRule
from gates.stats.mixture import START_BLOCK
from gates.windows import CohortWindow


@dataclass(frozen=True, slots=True)
class Starts:
    """When a degradation may start: on one of `panes` panes of `pane_s` seconds.

    `weight` is the candidate's share in the first stage.
    """

    panes: int
    pane_s: float
    weight: float


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What a definition uses from the rest of its policy to build its check.

    `thresholds` are by the name of the check. `starts` spreads the prior over late starts of a degradation.
    `trailing` has, by sample of the traffic, the baseline's last `TRAILING_MS` as of the pane before.
    """

    cohorts: CohortNames
    thresholds: Mapping[str, Thresholds]
    dispersion: float | None
    starts: Starts
    trailing: Mapping[str, CohortWindow]
    rules: JudgingRules

    @property
    def start_blocks(self) -> int:
        """The same starts, in steps of `START_BLOCK` panes."""
        return max(1, round(self.starts.panes / START_BLOCK))

    @property
    def in_blocks(self) -> bool:
        """Whether the bad events of a block count as one; not where the policy states that they are independent."""
        return self.rules.blocks and self.dispersion != 1.0

    def block_rule(self, name: str, ratio: float, *, catastrophe: bool, least_bad: float = 0.0) -> BlockRule:
        """How the check of this name compares in blocks."""
        starts, threshold = self.starts, self.thresholds[name].rollback
        panes, pane_s, weight = starts.panes, starts.pane_s, starts.weight
        return BlockRule(ratio, panes, pane_s, weight, threshold, catastrophe=catastrophe, least_bad=least_bad)
