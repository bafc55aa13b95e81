"""Budget: the share of a 30-day error budget that this rollout has spent, and its cap.

It stands beside the checks under the policy's own key `budget`, so it has no `sli` word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, cast

from pydantic import Field

from gates.documents.fields import Count, Outcomes, Share, Slo
from gates.documents.quantities import format_share
from gates.evidence_view import CohortNames, EvidenceView, PaneUse
from gates.panes import Pane
from gates.slis.bounds import Bound, SpendBound
from gates.slis.check_context import CheckContext
from gates.slis.definition import Check, Definition
from gates.slis.error_classes import DEFAULT_ERRORS, odd_errors
from gates.slis.findings import Finding, LintContext
from gates.slis.presence import BROKEN
from gates.slis.windowed import Windowed
from gates.stats.budget_spent import BudgetLedger, CohortCounts
from gates.stats.burn_rate import BudgetSpent
from gates.text import count, percent
from gates.verdicts import Measurement, Verdict, VerdictKind


class Budget(Definition):
    """The share `spend` of a 30-day error budget of `slo` that this rollout may spend; beyond it, it rolls back."""

    counts_errors: ClassVar[bool] = True

    slo: Slo = Field(examples=["99.9%"], description="The share of requests that must be good, over 30 days.")
    spend: Share = Field(examples=["5%"], description="The share of a 30-day error budget that this rollout may spend.")
    errors: Outcomes = Field(
        default=DEFAULT_ERRORS,
        examples=[["5xx", "error", 429]],
        description="The outcomes that count as errors: classes, and exact statuses such as 429 or `grpc:14`.",
    )
    min_events: Count = Field(
        default=20, examples=[20], description="The budget counts as spent only with this many errors in the rollout."
    )

    @property
    def absolute(self) -> bool:
        """Always: the bound is the error budget."""
        return True

    @property
    def bound(self) -> Bound:
        """The share of the budget."""
        return SpendBound("spend", self.slo, self.spend, self.min_events)

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        return BudgetCap(name, self, context.cohorts, by_error=context.rules.budget_by_error)

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield odd outcomes, and a cap that a rollout this short cannot reach even if every request fails."""
        yield from odd_errors(self.errors)
        spent = BudgetSpent(self.slo)
        for stage in context.stages:
            length = stage.bake_ms + (stage.warmup_ms or 0)
            spent.add_pane(requests=length, errors=round(length * stage.weight), lasting_ms=length)
        most = spent.get() or 0.0
        if most <= self.spend:
            yield Finding(
                "spend",
                f"{format_share(self.spend)} cannot be spent within the bakes: if every request of the candidate "
                f"failed, the rollout would spend {most:.2%}; lower `spend`",
            )


class BudgetCap(Windowed):
    """The check that `budget` builds. It counts the candidate's errors over all stages, and keeps them."""

    def __init__(self, name: str, definition: Budget, cohorts: CohortNames, *, by_error: bool) -> None:
        super().__init__(name)
        self._definition = definition
        self._cohorts = cohorts
        ledger = BudgetLedger(definition.slo, definition.min_events)
        self._spent: BudgetLedger | BudgetSpent = ledger if by_error else BudgetSpent(definition.slo)
        self._requests = 0

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""
        candidate, baseline = pane.cell(self._cohorts.candidate), pane.cell(self._cohorts.baseline)
        self._requests += candidate.requests
        errors, lasting = candidate.errors(self._definition.errors), pane.end - pane.start
        if isinstance(self._spent, BudgetLedger):
            own = CohortCounts(candidate.requests, errors)
            other = CohortCounts(baseline.requests, baseline.errors(self._definition.errors))
            self._spent.add_pane(pane.start, lasting, own, other)
        else:
            self._spent.add_pane(requests=candidate.requests + baseline.requests, errors=errors, lasting_ms=lasting)

    def _figures(self) -> tuple[float, int]:
        """The share spent, and the errors that spent it."""
        if isinstance(self._spent, BudgetLedger):
            return self._spent.spent, round(self._spent.errors)
        return self._spent.get() or 0.0, self._spent.errors

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL once more is spent than allowed, on at least `min_events` errors."""
        (spent, errors), allowed = self._figures(), self._definition.spend
        reason = (
            f"{view.candidate.name} spent {percent(spent)} of the 30-day error budget at slo "
            f"{percent(self._definition.slo)} ({count(errors)} errors), limit {percent(allowed)}"
        )
        # FAIL comes first: what is spent stays spent, even when telemetry stops.
        if spent > allowed and errors >= self._definition.min_events:
            found = VerdictKind.FAIL, reason
        elif view.broken:
            found = VerdictKind.ERROR, BROKEN
        elif not self._requests:
            found = VerdictKind.NO_DATA, f"{view.candidate.name} has had no requests yet"
        else:
            found = VerdictKind.PASS, reason
        window = view.stage_start, view.candidate.window.end
        return self.made(found, window, Measurement(self._requests, spent, errors), Measurement(0, None))

    @property
    def evidence(self) -> dict[str, object]:
        """What is spent."""
        return {"spent": self._spent.dump(), "requests": self._requests}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        known = cast("dict[str, Any]", state)
        self._spent.load(known["spent"])
        self._requests = known["requests"]
