"""Budget: how much of a period's error budget this rollout has used up, against what it may."""

from __future__ import annotations

from typing import Any, cast

from gates.panes import Pane
from gates.policy import Budget, CheckDefinition, Cohorts
from gates.slis.check import Seen, View
from gates.slis.windowed import Windowed
from gates.stats.burn_rate import BudgetSpent
from gates.text import count, percent
from gates.verdicts import Measurement, Outcome, Verdict


class BudgetCap(Windowed):
    """The check that `budget` makes. It counts the candidate's errors over all stages: what is spent stays spent."""

    def __init__(self, name: str, definition: Budget, cohorts: Cohorts) -> None:
        super().__init__(name, CheckDefinition())
        self._definition = definition
        self._cohorts = cohorts
        self._spent = BudgetSpent(definition.slo)
        self._requests = 0

    def observe(self, pane: Pane, seen: Seen) -> None:
        """Take in one pane."""
        candidate, baseline = pane.cell(self._cohorts.candidate), pane.cell(self._cohorts.baseline)
        self._requests += candidate.requests
        self._spent.add_pane(
            requests=candidate.requests + baseline.requests,
            errors=candidate.errors(self._definition.errors),
            lasting_ms=pane.end - pane.start,
        )

    def verdict(self, view: View) -> Verdict:
        """FAIL once more is spent than allowed, on at least `min_events` errors."""
        spent, allowed = self._spent.get() or 0.0, self._definition.spend
        reason = (
            f"{view.candidate.name} used {percent(spent)} of 30 days' error budget at an SLO of "
            f"{percent(self._definition.slo)} ({count(self._spent.errors)} errors), {percent(allowed)} allowed"
        )
        if spent > allowed and self._spent.errors >= self._definition.min_events:
            found = Outcome.FAIL, reason
        elif view.broken:
            found = Outcome.ERROR, "telemetry source broken: nobody reports"
        elif not self._requests:
            found = Outcome.NO_DATA, f"no requests from {view.candidate.name} yet"
        else:
            found = Outcome.PASS, reason
        window = view.stage_start, view.candidate.window.end
        return self.made(found, window, Measurement(self._requests, spent, self._spent.errors), Measurement(0, None))

    @property
    def evidence(self) -> dict[str, object]:
        """What is spent."""
        return {"spent": self._spent.dump(), "requests": self._requests}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        known = cast("dict[str, Any]", state)
        self._spent.load(known["spent"])
        self._requests = known["requests"]
