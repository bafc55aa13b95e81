"""Burn rate: whether the candidate spends its error budget too fast, over a long window and a short one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from gates.documents.fields import Count, Outcomes, Share, Slo, WindowMs
from gates.documents.quantities import MINUTE_MS, format_duration, format_share
from gates.documents.readers import read_positive_share, read_slo, read_window, readable
from gates.evidence_view import CohortView, EvidenceView
from gates.slis.bounds import Bound, WindowBound
from gates.slis.check_context import CheckContext
from gates.slis.definition import Check, CheckDefinition, default_of
from gates.slis.error_classes import DEFAULT_ERRORS, odd_errors
from gates.slis.findings import Fields, Finding, LintContext, RuleContext
from gates.slis.limit_lints import too_few_events
from gates.slis.presence import presence
from gates.slis.share import share_text
from gates.slis.windowed import Windowed
from gates.stats.burn_rate import BurnRule, WindowCounts, burn
from gates.text import significant_text
from gates.verdicts import Measurement, Verdict, VerdictKind
from gates.windows import CohortWindow

SHORT_PER_LONG = 12
"""The short window is a twelfth of the long one (SRE Workbook, chapter 5)."""


class BurnRateCheck(CheckDefinition):
    """How fast the candidate spends the error budget of `slo` (SRE Workbook, chapter 5).

    FAIL when, over `window_ms` and over a twelfth of it, it spends faster than `spend` of a 30-day budget in one
    window, on at least `min_events` errors.
    """

    counts_errors: ClassVar[bool] = True
    window_parts: ClassVar[int] = SHORT_PER_LONG  # the short window is whole panes too

    sli: Literal["burn_rate"] = Field(examples=["burn_rate"], description="What the check measures.")
    slo: Slo = Field(examples=["99.9%"], description="The share of requests that must be good, over 30 days.")
    spend: Share = Field(
        default=0.02, examples=["2%"], description="The share of a 30-day error budget that one window may spend."
    )
    window_ms: WindowMs = Field(
        default=5 * MINUTE_MS,
        alias="window",
        examples=["5m"],
        description="The longer of two windows: 12 times a whole number of panes; the other is a twelfth of it.",
    )
    errors: Outcomes = Field(
        default=DEFAULT_ERRORS,
        examples=[["5xx", "error", 429]],
        description="The outcomes that count as errors: classes, and exact statuses such as 429 or `grpc:14`.",
    )
    min_events: Count = Field(
        default=20, examples=[20], description="The check fails only with this many errors in the longer window."
    )

    @property
    def absolute(self) -> bool:
        """Always: the bound is the error budget."""
        return True

    @property
    def bound(self) -> Bound:
        """The error rate that burns too fast, over the long window: in it, what began lately takes longest to show."""
        share = BurnRule(self.spend, self.window_ms).error_rate(self.slo)
        return WindowBound("spend", share, self.window_ms, self.min_events, of_errors=True)

    def windows(self) -> tuple[int, ...]:
        """The long window and the short one."""
        return self.window_ms, self.window_ms // SHORT_PER_LONG

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        return BurnRate(name, self)

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield odd outcomes."""
        return odd_errors(self.errors)

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield a budget that cannot burn at this traffic."""
        return too_few_events(self, self.min_events, context, rps)

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Yield the faults between the fields of one definition as written."""
        yield from super().rules(fields, context)
        slo = readable(read_slo, fields.get("slo"))
        spend = readable(read_positive_share, fields.get("spend", default_of(cls, "spend")))
        window = readable(read_window, fields["window"]) if "window" in fields else default_of(cls, "window_ms")
        if slo is None or spend is None or window is None:
            return
        needed = BurnRule(spend, window).error_rate(slo)
        if needed >= 1.0:
            yield Finding(
                "",
                f"can never fail: it would need an error rate of {needed:.0%} ({format_share(spend)} of a 30-day "
                f"budget in {format_duration(window)} at slo {format_share(slo)}); lower `spend`, lengthen `window`, "
                "or raise `slo`",
            )


class BurnRate(Windowed):
    """One `burn_rate` check. It has no error probability: it is a guard rail."""

    def __init__(self, name: str, definition: BurnRateCheck) -> None:
        super().__init__(name, definition.severity, definition.on_fail)
        self._slo = definition.slo
        self._errors = definition.errors
        self._rule = BurnRule(definition.spend, definition.window_ms, min_errors=definition.min_events)

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL while both windows burn."""
        window = view.candidate.window
        cohorts = (self._measured(cohort.window) for cohort in (view.candidate, view.baseline))
        shared = view.compared and self._burning(view.baseline)
        return self.made(self._outcome(view, shared), (window.start, window.end), *cohorts, baseline_beyond=shared)

    def _outcome(self, view: EvidenceView, shared: bool) -> tuple[VerdictKind, str]:
        figures, limit = self._figures(view.candidate), significant_text(self._rule.threshold, 3)
        if self._burning(view.candidate):
            also = f"; {self._figures(view.baseline)}, also above it" if shared else ""
            return VerdictKind.FAIL, f"{figures}, above the limit of {limit}{also}"
        missing = presence(view, comparing=False)
        return missing or (VerdictKind.PASS, f"{figures}, below the limit of {limit}")

    def _burning(self, cohort: CohortView) -> bool:
        return self._rule.burning(self._counts(cohort.window), self._counts(cohort.short), slo=self._slo)

    def _counts(self, window: CohortWindow) -> WindowCounts:
        return WindowCounts(window.errors(self._errors), window.requests)

    def _figures(self, cohort: CohortView) -> str:
        counts = self._counts(cohort.window)
        times = burn(counts.errors, counts.requests, self._slo)
        figures = share_text(cohort.name, (counts.errors, counts.requests), "requests", cohort.window)
        return figures if times is None else f"{figures}, burn rate {significant_text(times, 3)}"

    def _measured(self, window: CohortWindow) -> Measurement:
        counts = self._counts(window)
        return Measurement(counts.requests, counts.errors / counts.requests if counts.requests else None, counts.errors)
