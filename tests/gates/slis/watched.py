"""One check at work, fed pane by pane."""

from __future__ import annotations

from typing import Any

from gates.evidence.evaluation import RolloutEvidence
from gates.panes import Cell
from gates.rules import CURRENT, RULES
from gates.verdicts import Verdict
from tests.gates.pane_builders import T0, pane, policy


class Watched:
    """One check under a confirmed stage, fed second by second."""

    def __init__(self, weight: str = "50%", rules: int = CURRENT, **definition: Any) -> None:
        stages = [{"name": "only", "weight": weight, "bake": "10s"}]
        known = policy({"it": definition}, stages=stages, **_budget(definition))
        self.evidence = RolloutEvidence(known, T0, RULES[rules])
        self.evidence.confirm_stage(T0)
        self.now = 0

    def second(self, candidate: Cell | None, baseline: Cell | None, **more: Any) -> Verdict:
        """The verdict after one more pane."""
        found = self.evidence.observe(pane(self.now, candidate, baseline, **more))
        self.now += 1
        return found.verdicts[-1]


def _budget(definition: dict[str, Any]) -> dict[str, Any]:
    return {"budget": definition.pop("budget")} if "budget" in definition else {}
