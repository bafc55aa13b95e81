"""A toy SLI, as a contributor would add it: whether the candidate has at least this many requests in the window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from gates.documents.fields import Count
from gates.evidence_view import EvidenceView
from gates.slis.check_context import CheckContext
from gates.slis.definition import Check, CheckDefinition
from gates.slis.findings import Fields, Finding, LintContext, RuleContext
from gates.slis.windowed import Windowed
from gates.verdicts import Measurement, Verdict, VerdictKind


class ToyCheck(CheckDefinition):
    """The candidate has at least this many requests in the window."""

    sli: Literal["toy"] = Field(description="What the check measures.")
    least: Count = Field(examples=[7], description="The smallest acceptable number of requests.")

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        return Toy(name, self)

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """One request proves nothing."""
        if self.least == 1:
            yield Finding("least", "1 is hardly a number")

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """A number that the window never holds."""
        if rps * self.window_ms / 1000.0 < self.least:
            yield Finding("least", "is never reached at this traffic")

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Thirteen is a fault."""
        yield from super().rules(fields, context)
        if fields.get("least") == 13:
            yield Finding("least", "13 brings bad luck")


class Toy(Windowed):
    """The toy at work."""

    def __init__(self, name: str, definition: ToyCheck) -> None:
        super().__init__(name, definition.severity, definition.on_fail)
        self._least = definition.least

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL with fewer requests."""
        window = view.candidate.window
        kind = VerdictKind.PASS if window.requests >= self._least else VerdictKind.FAIL
        figures = (Measurement(arm.window.requests, 0.0) for arm in (view.candidate, view.baseline))
        return self.made((kind, f"{window.requests} requests"), (window.start, window.end), *figures)
