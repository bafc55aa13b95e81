"""Latency: a quantile of the requests' latencies over the sliding window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from gates.comparison.distributions import Latencies
from gates.comparison.quantiles import QuantileComparison
from gates.documents.fields import Count, Family, OptionalLatencyLimitMs, Quantile
from gates.documents.quantities import format_duration
from gates.evidence_view import CohortView, Thresholds
from gates.slis.bounds import Bound, WindowBound
from gates.slis.check_context import CheckContext
from gates.slis.comparable_limit import ComparableLimit
from gates.slis.compared import Compared
from gates.slis.compared_definition import ComparedCheck
from gates.slis.definition import Check, QuantileLimit
from gates.slis.findings import Fields, Finding, LintContext, RuleContext
from gates.slis.limit import Assessment, Guard, Standing
from gates.slis.limit_lints import idle_min_events, too_few_events
from gates.slis.quantile import comparable_rule, quantile_evidence, without_tail
from gates.stats import quantile_interval, quantile_sequence
from gates.stats.exceedance import bucket_at
from gates.text import count, milliseconds
from gates.verdicts import Ends, Intervals, Measurement, Unit
from gates.windows import CohortWindow

CLOSE_RATIO = 1.1
"""Two hosts differ by about this much: a ratio below it rolls healthy candidates back sooner or later."""

SEQUENCE_ALPHA = 0.05
"""The interval under rules 1 and 2 misses the quantile with at most this probability."""

SEQUENCE_AT = 10_000
"""It is tightest at about this many requests."""


class LatencyCheck(ComparedCheck):
    """A latency quantile: against the baseline's (`ratio`), an absolute limit (`limit_ms`), or both.

    The limit looks at the last `window_ms`, and fails only when the window holds `min_events` requests that were
    slower.
    """

    sli: Literal["latency"] = Field(examples=["latency"], description="What the check measures.")
    quantile: Quantile = Field(examples=[0.95], description="The quantile, such as 0.95 for p95.")
    limit_ms: OptionalLatencyLimitMs = Field(
        default=None,
        alias="limit",
        examples=["800ms"],
        description="The highest acceptable value of the candidate's quantile.",
    )
    min_events: Count = Field(
        default=20, examples=[20], description="The limit fails only with this many slower requests in the window."
    )
    family: Family = Field(
        default="latency", examples=["latency"], description="Checks of one family count once towards `rollback_on`."
    )

    @property
    def absolute(self) -> bool:
        """Whether it has a limit."""
        return self.limit_ms is not None

    @property
    def compared_quantile(self) -> float:
        """The quantile that is compared."""
        return self.quantile

    @property
    def quantile_limit(self) -> QuantileLimit | None:
        """The limit, to compare with those of other quantiles."""
        if self.limit_ms is None:
            return None
        source = self.sli, self.traffic, self.window_ms
        return QuantileLimit(source, higher_is_better=False, quantile=self.quantile, limit=float(self.limit_ms))

    @property
    def bound(self) -> Bound | None:
        """The limit, as the share of requests that may be slower."""
        if self.limit_ms is None:
            return None
        return WindowBound("limit", 1.0 - self.quantile, self.window_ms, self.min_events, of_errors=False)

    @property
    def comparable_limit(self) -> ComparableLimit | None:
        """The limit, on this quantile."""
        if self.limit_ms is None:
            return None
        source = self.sli, self.traffic, self.window_ms, self.quantile
        return ComparableLimit(source, self.limit_ms, self.min_events)

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        evidence = quantile_evidence(name, self, context, Latencies(self.quantile, self.limit_ms))
        thresholds, at_one_look = context.thresholds[name], context.rules.blocks
        return ComparedLatency(name, self, LatencyFigure(self), evidence, thresholds, at_one_look=at_one_look)

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield a ratio within the noise of a host, a quantile of the fastest requests, and idle keys."""
        yield from super().lints(context)
        if self.rolls_back and self.ratio is not None and self.ratio < CLOSE_RATIO:
            yield Finding(
                "ratio",
                f"{self.ratio:g} is within the noise of one host, so a healthy candidate may be rolled back; write "
                f"{CLOSE_RATIO:g} or more, and 1.2 for p99",
            )
        if self.quantile < 0.5:
            yield Finding(
                "quantile", f"{self.quantile:g} measures the fastest requests; write 0.95 or so for the slow ones"
            )
        yield from idle_min_events(self, self.min_events)

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield a limit that cannot fail, and a comparison that never begins, at this traffic."""
        yield from too_few_events(self, self.min_events, context, rps)
        yield from without_tail(self, context, rps)

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Yield the faults between the fields of one definition as written."""
        yield from super().rules(fields, context)
        yield from comparable_rule(fields, higher_is_better=False)


class LatencyFigure:
    """The quantile of the latencies in the window; the limit is broken by the share of requests that are slower."""

    unit: Unit = "ms"
    side = "above"

    def __init__(self, definition: LatencyCheck) -> None:
        self._quantile = definition.quantile
        limit_ms = definition.limit_ms
        self._beyond = None if limit_ms is None else bucket_at(limit_ms) + 1  # to the histogram's resolution
        self._guard = Guard(1.0 - definition.quantile, definition.min_events)
        self.limit = f"the limit of {milliseconds(definition.limit_ms or 0)}"

    def measured(self, cohort: CohortView, *, staged: bool) -> Measurement:
        """The quantile in milliseconds."""
        return Measurement(cohort.window.requests, cohort.window.latency().quantile(self._quantile))

    def assess(self, window: CohortWindow) -> Assessment:
        """How the window stands to the limit, and how many of its requests have a latency."""
        if self._beyond is None:
            return Assessment(Standing.WITHIN, window.latencies())
        slow, latencies = self._slow(window, self._beyond)
        return Assessment(self._guard.standing(slow, latencies), latencies)

    def alike(self, candidate: CohortWindow, baseline: CohortWindow, least: int | None) -> bool:
        """Whether the baseline is no better than a candidate beyond the limit."""
        bucket = self._beyond
        return bucket is not None and self._guard.alike(
            self._slow(candidate, bucket), self._slow(baseline, bucket), least
        )

    def _slow(self, window: CohortWindow, bucket: int) -> tuple[int, int]:
        return window.latency().at_or_above(bucket), window.latencies()

    def window_text(self, name: str, window: CohortWindow) -> str:
        """The quantile over the window, as text."""
        value = window.latency().quantile(self._quantile)
        requests = f"({count(window.requests)} requests in {format_duration(window.length_ms)})"
        return f"{name} {'no latency' if value is None else milliseconds(value)} {requests}"


class ComparedLatency(Compared):
    """A check on a latency quantile, which displays the interval of each cohort's quantile.

    `at_one_look`: it is the interval at this look; before, it was a confidence sequence of independent latencies.
    """

    def __init__(
        self,
        name: str,
        definition: LatencyCheck,
        figure: LatencyFigure,
        evidence: QuantileComparison | None,
        thresholds: Thresholds,
        *,
        at_one_look: bool,
    ) -> None:
        super().__init__(name, definition, figure, evidence, thresholds)
        self._quantile = definition.quantile
        self._at_one_look = at_one_look

    def intervals(self, windows: Mapping[str, CohortWindow]) -> Intervals:
        """The 95% interval of each cohort's quantile, in milliseconds."""
        # How slow requests come together is measured on the baseline, and only where there is a comparison.
        phi = 1.0 if self._evidence is None else self._evidence.found().phi
        return Intervals(quantile={cohort: self._ends(window, phi) for cohort, window in windows.items()})

    def _ends(self, window: CohortWindow, phi: float) -> Ends | None:
        latencies = window.latency().get()
        if self._at_one_look:
            return quantile_interval.interval(latencies, self._quantile, phi)
        return quantile_sequence.interval(latencies, self._quantile, SEQUENCE_ALPHA, SEQUENCE_AT)
