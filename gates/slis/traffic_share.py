"""Throughput share: whether the candidate gets, and answers, the share of the requests that was ordered."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Literal

from pydantic import Field

from gates.documents.fields import Share
from gates.documents.quantities import format_duration, format_share
from gates.evidence_view import EvidenceView
from gates.slis.check_context import CheckContext
from gates.slis.definition import Check, TelemetryCheckDefinition
from gates.slis.findings import Finding, LintContext, traffic_text
from gates.slis.presence import BROKEN
from gates.slis.windowed import Windowed
from gates.text import count, percent
from gates.verdicts import Measurement, Verdict, VerdictKind

TIGHT = 0.05
"""Routers that split by user, session or connection are off by more than this share of the weight."""

CHANCE = 5.0
"""Below this many standard deviations from the weight a share may be off by chance: it is judged once a second."""


class ThroughputShareCheck(TelemetryCheckDefinition):
    """The candidate's share of the requests over `window_ms`, within `tolerance` of the stage's weight."""

    sli: Literal["throughput_share"] = Field(examples=["throughput_share"], description="What the check measures.")
    tolerance: Share = Field(
        default=0.5,
        examples=["50%"],
        description="The acceptable difference from the stage's weight, as a share of the weight.",
    )

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        return ThroughputShare(name, self)

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield a tolerance that accepts a candidate without requests, or that an honest router does not meet."""
        if self.tolerance < TIGHT:
            yield Finding(
                "tolerance",
                f"{format_share(self.tolerance)} of the weight is less than what routers are off that split by user, "
                "session or connection, so healthy rollouts hold; write 50% or so",
            )
        if self.tolerance >= 1.0:
            yield Finding(
                "tolerance", "100% accepts a candidate that gets no requests; write a smaller share, such as 50%"
            )

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield a window that never holds the requests that it needs, to pass or to fail."""
        found = rps * self.window_ms / 1000.0
        if self.required and self.traffic != "synthetic" and found < context.min_requests:
            yield Finding(
                "window",
                f"the check cannot pass: at {traffic_text(rps)}, a {format_duration(self.window_ms)} window has "
                f"{found:,.0f} requests, needs {context.min_requests:,} (`min_requests`); widen `window`",
            )
            return
        # Chance alone makes the share differ by as much as the whole weight: no share is too small to be accepted.
        stages = [
            stage.name
            for stage in context.stages
            if stage.weight < 1.0 and _chance(stage.weight, found) >= stage.weight
        ]
        if self.required and self.traffic != "synthetic" and stages:
            yield Finding(
                "window",
                f"the check cannot fail for too few requests in stage {' and '.join(stages)}: at {traffic_text(rps)}, "
                f"a {format_duration(self.window_ms)} window has {found:,.0f} requests, and chance may take all of the "
                "candidate's; widen `window`",
            )


class ThroughputShare(Windowed):
    """One `throughput_share` check. At 100% there is no share to check, and it passes."""

    def __init__(self, name: str, definition: ThroughputShareCheck) -> None:
        super().__init__(name, definition.severity, definition.on_fail)
        self._tolerance = definition.tolerance

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL while the share, of the requests since the weights were confirmed, is outside of the tolerance."""
        windows = view.candidate.fresh, view.baseline.fresh
        requests = sum(window.requests for window in windows)
        cohorts = (Measurement(window.requests, window.requests / requests if requests else None) for window in windows)
        found = self._outcome(view, windows[0].requests, requests)
        return self.made(found, (windows[0].start, windows[0].end), *cohorts)

    def _outcome(self, view: EvidenceView, own: int, requests: int) -> tuple[VerdictKind, str]:
        name, figures = view.candidate.name, ""
        if view.compared and requests >= view.min_requests:
            share, length = own / requests, format_duration(view.candidate.window.length_ms)
            figures = f"{name} got {percent(share)} ({count(own)} of {count(requests)} requests in {length})"
            # A fixed tolerance of a small weight is less than chance alone makes of it.
            if abs(share - view.weight) > max(self._tolerance * view.weight, _chance(view.weight, requests)):
                return VerdictKind.FAIL, f"{figures}, ordered {percent(view.weight)}"
        if view.broken:
            return VerdictKind.ERROR, BROKEN
        if not own:
            return VerdictKind.NO_DATA, f"{name} has no requests in the window"
        if not view.compared:
            return VerdictKind.PASS, f"{name} gets all requests, as ordered"
        if requests < view.min_requests:
            return VerdictKind.INCONCLUSIVE, f"{count(requests)} requests, needs {count(view.min_requests)}"
        return VerdictKind.PASS, f"{figures}, as ordered"


def _chance(weight: float, requests: float) -> float:
    """By how much the candidate's share of these requests may differ from the weight by chance."""
    return CHANCE * sqrt(weight * (1.0 - weight) / requests)
