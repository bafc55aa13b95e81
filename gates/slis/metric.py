"""Metric: a number that events carry, its mean or a quantile over the sliding window."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum
from typing import Literal

from pydantic import Field

from gates.comparison.distributions import MetricValues
from gates.documents.fields import (
    Count,
    Family,
    MetricName,
    OptionalCeiling,
    OptionalNumber,
    OptionalQuantile,
)
from gates.documents.quantities import format_duration
from gates.documents.readers import read_number, read_positive_number, readable
from gates.evidence_view import CohortView
from gates.panes import Cell
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
from gates.slis.share import share_evidence
from gates.stats.value_counts import ValueCounts, bucket_of, value_of
from gates.text import count, signed_text
from gates.verdicts import Measurement, Unit
from gates.windows import CohortWindow


class MetricCheck(ComparedCheck):
    """A number that events carry in `metrics`: cost, cpu_ms, queue lag, quality of a model.

    Its mean, or with `quantile` that quantile: against the baseline's (`ratio`), an absolute `limit` in the metric's
    own unit, or both. `better` is the good direction. Values count as `ceiling` at most, because a single value could
    move a mean without an upper bound. The limit looks at the last `window_ms`, and fails only on
    `min_events` values beyond it (for the mean: on this many values).
    """

    sli: Literal["metric"] = Field(examples=["metric"], description="What the check measures.")
    metric: MetricName = Field(examples=["cpu_ms"], description="The name of the metric in the events' `metrics`.")
    quantile: OptionalQuantile = Field(
        default=None, examples=[0.95], description="The quantile, such as 0.95 for p95; without it, the mean."
    )
    better: Literal["lower", "higher"] = Field(
        default="lower", examples=["lower"], description="The good direction of the metric."
    )
    limit: OptionalNumber = Field(
        default=None,
        examples=[250],
        description="The worst acceptable mean or quantile of the candidate, in the metric's unit.",
    )
    ceiling: OptionalCeiling = Field(
        default=None,
        examples=[1000],
        description="Larger values count as this number, in the limit and the comparison of a mean.",
    )
    min_events: Count = Field(
        default=20,
        examples=[20],
        description="The limit fails only with this many values beyond it (for a mean: values) in the window.",
    )
    family: Family = Field(
        default="saturation",
        examples=["saturation"],
        description="Checks of one family count once towards `rollback_on`.",
    )

    @property
    def higher_is_better(self) -> bool:
        """Whether larger values are the good ones."""
        return self.better == "higher"

    @property
    def absolute(self) -> bool:
        """Whether it has a limit."""
        return self.limit is not None

    @property
    def compared_quantile(self) -> float | None:
        """The quantile that is compared, mirrored where higher is better; None for the mean."""
        if self.quantile is None:
            return None
        return 1.0 - self.quantile if self.higher_is_better else self.quantile

    @property
    def quantile_limit(self) -> QuantileLimit | None:
        """The limit on a quantile; None for the mean, and without a limit."""
        if self.quantile is None or self.limit is None:
            return None
        source = f"metric {self.metric}", self.traffic, self.window_ms
        return QuantileLimit(source, self.higher_is_better, self.quantile, self.limit)

    @property
    def bound(self) -> Bound | None:
        """The limit, as the share of values that may be beyond it; of a mean, any value may be."""
        if self.limit is None:
            return None
        tail = self.compared_quantile
        share = 0.0 if tail is None else 1.0 - tail
        return WindowBound("limit", share, self.window_ms, self.min_events, of_errors=False)

    def bad_share(self, value: float) -> float:
        """The mean as its part of the ceiling, where 1 is worst."""
        share = value / (self.ceiling or 1.0)
        return 1.0 - share if self.higher_is_better else share

    @property
    def comparable_limit(self) -> ComparableLimit | None:
        """The limit on this figure of the metric."""
        if self.limit is None:
            return None
        figure = self.metric, self.quantile, self.better, self.ceiling
        loosest = -self.limit if self.higher_is_better else self.limit
        return ComparableLimit((self.sli, self.traffic, self.window_ms, *figure), loosest, self.min_events)

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        thresholds = context.thresholds[name]
        if self.quantile is None:
            mean = MetricMean(self, cut=context.rules.limit_asks_candidate_only)
            return Compared(name, self, mean, share_evidence(name, self, context, mean, mean.objective), thresholds)
        scale = MetricValues(self.metric, self.quantile, self.limit, higher_is_better=self.higher_is_better)
        evidence = quantile_evidence(name, self, context, scale)
        return Compared(name, self, MetricQuantile(self, scale), evidence, thresholds)

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield a quantile at the good end, and idle keys."""
        yield from super().lints(context)
        if self.quantile is not None and self.quantile != 0.5 and (self.quantile > 0.5) is self.higher_is_better:
            worst, example = ("smallest", 0.05) if self.higher_is_better else ("largest", 0.95)
            yield Finding(
                "quantile",
                f"{self.quantile:g} measures the good end, because {self.better} is better; write {example:g} or so "
                f"for the {worst} values",
            )
        yield from idle_min_events(self, self.min_events)
        if self.ceiling is not None and self.quantile is not None:
            yield Finding("ceiling", "has no effect: it belongs to a mean, and this is a quantile; remove it")
        elif self.ceiling is not None and self.limit is not None and self.limit >= self.ceiling:
            effect = "fails always" if self.higher_is_better else "cannot fail"
            yield Finding(
                "limit",
                f"{effect}: values are cut off at the ceiling, {self.ceiling:g}, so no mean is above it; write a "
                "limit below it, or raise `ceiling`",
            )

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield a limit that cannot fail, and a comparison that never begins, at this traffic."""
        yield from too_few_events(self, self.min_events, context, rps, all_count=self.quantile is None)
        yield from without_tail(self, context, rps)

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Yield the faults between the fields of one definition as written."""
        yield from super().rules(fields, context)
        yield from comparable_rule(fields, higher_is_better=fields.get("better") == "higher")
        if "ratio" in fields and "quantile" not in fields:
            yield from _ceiling_rule(fields, context)


def _ceiling_rule(fields: Fields, context: RuleContext) -> Iterator[Finding]:
    """A mean is compared on values from 0 to the ceiling, so at 100% no value could miss a limit outside of them."""
    if "ceiling" not in fields:
        yield Finding(
            "ceiling",
            "is missing: a mean is compared on values that are cut off; write the largest value that matters, such as "
            "`ceiling: 1000`, or compare a `quantile`",
        )
    limit = readable(read_number, fields.get("limit"))
    ceiling = readable(read_positive_number, fields.get("ceiling"))
    if context.reaches_all and limit is not None and ceiling is not None and not 0.0 < limit < ceiling:
        yield Finding(
            "limit",
            f"{limit:g} must lie between 0 and the ceiling, {ceiling:g}: a stage at 100% compares values that are cut "
            "off at the ceiling with the limit alone",
        )


class MetricQuantile:
    """The quantile of a metric; the limit is broken by the share of values beyond it."""

    unit: Unit = "number"

    def __init__(self, definition: MetricCheck, scale: MetricValues) -> None:
        self._scale = scale
        self._definition = definition
        self._guard = Guard(1.0 - scale.quantile, definition.min_events)
        self.limit = f"the limit of {signed_text(definition.limit or 0.0)}"
        self.side = "below" if definition.higher_is_better else "above"

    def measured(self, cohort: CohortView, *, staged: bool) -> Measurement:
        """The quantile, in the metric's unit."""
        values = cohort.window.metric(self._definition.metric)
        return Measurement(values.total, values.quantile(self._definition.quantile or 0.5))

    def assess(self, window: CohortWindow) -> Assessment:
        """How the window stands to the limit, and its values."""
        limit = self._definition.limit
        if limit is None:
            return Assessment(Standing.WITHIN, self._scale.total(window))
        beyond, values = self._beyond(window, limit)
        return Assessment(self._guard.standing(beyond, values), values)

    def alike(self, candidate: CohortWindow, baseline: CohortWindow, least: int | None) -> bool:
        """Whether the baseline is no better than a candidate beyond the limit."""
        limit = self._definition.limit
        return limit is not None and self._guard.alike(
            self._beyond(candidate, limit), self._beyond(baseline, limit), least
        )

    def _beyond(self, window: CohortWindow, limit: float) -> tuple[int, int]:
        sign = -1 if self._definition.higher_is_better else 1
        values = self._scale.values(window)
        return values.at_or_above(sign * bucket_of(limit) + 1), values.total

    def window_text(self, name: str, window: CohortWindow) -> str:
        """The quantile and its sample."""
        values = window.metric(self._definition.metric)
        return _text(name, values.quantile(self._definition.quantile or 0.5), values.total, window)


class MetricMean:
    """The mean of a metric; the limit is broken by the mean of at least `min_events` values."""

    unit: Unit = "number"

    def __init__(self, definition: MetricCheck, *, cut: bool = True) -> None:
        self._definition = definition
        self._most = definition.ceiling if cut else None
        self.limit = f"the limit of {signed_text(definition.limit or 0.0)}"
        self.side = "below" if definition.higher_is_better else "above"

    def tally(self, cell: Cell) -> tuple[float, int]:
        """The values as shares of the ceiling, summed, where 1 is worst; and how many there are."""
        values, ceiling = cell.metric(self._definition.metric), self._definition.ceiling or 1.0
        parts = fsum(min(max(value_of(bucket), 0.0), ceiling) / ceiling * number for bucket, number in values.items())
        return (values.total - parts if self._definition.higher_is_better else parts), values.total

    def stage_text(self, name: str, cell: Cell) -> str:
        """The mean since the stage was ordered."""
        values = cell.metric(self._definition.metric)
        mean = values.mean(self._most)
        return f"{name} {'no value' if mean is None else signed_text(mean)} ({count(values.total)} values)"

    @property
    def objective(self) -> float | None:
        """The limit as such a share; None where there is none, or none that could be missed."""
        limit, ceiling = self._definition.limit, self._definition.ceiling
        if limit is None or ceiling is None or not 0.0 < limit < ceiling:
            return None
        return self._definition.bad_share(limit)

    def _values(self, window: CohortWindow) -> ValueCounts:
        return window.metric(self._definition.metric)

    def measured(self, cohort: CohortView, *, staged: bool) -> Measurement:
        """The mean, in the metric's unit."""
        values = self._values(cohort.window)
        return Measurement(values.total, values.mean(self._most))

    def assess(self, window: CohortWindow) -> Assessment:
        """How the window stands to the limit, and its values."""
        values = self._values(window)
        return Assessment(self._standing(values), values.total)

    def _standing(self, values: ValueCounts) -> Standing:
        limit, mean = self._definition.limit, values.mean(self._most)
        if limit is None or mean is None:
            return Standing.WITHIN
        known = value_of(bucket_of(limit))  # to the resolution of the mean, so that at the limit is within it
        if mean >= min(limit, known) if self._definition.higher_is_better else mean <= max(limit, known):
            return Standing.WITHIN
        return Standing.BREACHED if values.total >= self._definition.min_events else Standing.ABOVE_BUT_FEW

    def alike(self, candidate: CohortWindow, baseline: CohortWindow, least: int | None) -> bool:
        """False: how far a mean is off by chance is not known without a bound."""
        return False

    def window_text(self, name: str, window: CohortWindow) -> str:
        """The mean and its sample."""
        values = self._values(window)
        return _text(name, values.mean(self._most), values.total, window)


def _text(name: str, value: float | None, values: int, window: CohortWindow) -> str:
    shown = "no value" if value is None else signed_text(value)
    return f"{name} {shown} ({count(values)} values in {format_duration(window.length_ms)})"
