"""A metric that events carry: its mean or a quantile over the sliding window, as a `Figure`."""

from __future__ import annotations

from math import fsum

from gates.comparison.distributions import MetricValues
from gates.documents.quantities import format_duration
from gates.panes import Cell
from gates.policy import MetricCheck
from gates.slis.check import Arm
from gates.slis.limit import Guard, Standing
from gates.stats.value_counts import ValueCounts, bucket_of, value_of
from gates.text import count, signed_text
from gates.verdicts import Measurement, Unit
from gates.windows import CohortWindow


class MetricQuantile:
    """The quantile of a metric; the limit is broken by the share of values beyond it."""

    unit: Unit = "number"

    def __init__(self, definition: MetricCheck, scale: MetricValues) -> None:
        self._scale = scale
        self._definition = definition
        self._guard = Guard(1.0 - scale.quantile, definition.min_events)
        self.limit = f"the limit of {signed_text(definition.limit or 0.0)}"
        self.side = "over" if definition.better == "lower" else "under"

    def sample(self, window: CohortWindow) -> int:
        """Values of the metric."""
        return self._scale.total(window)

    def measured(self, arm: Arm, *, staged: bool) -> Measurement:
        """The quantile, in the metric's unit."""
        values = arm.window.metric(self._definition.metric)
        return Measurement(values.total, values.quantile(self._definition.quantile or 0.5))

    def standing(self, window: CohortWindow) -> Standing:
        """How the window stands to the limit."""
        limit = self._definition.limit
        return Standing.WITHIN if limit is None else self._guard.standing(*self._beyond(window, limit))

    def alike(self, candidate: CohortWindow, baseline: CohortWindow) -> bool:
        """Whether the baseline is no better than a candidate beyond the limit."""
        limit = self._definition.limit
        return limit is not None and self._guard.alike(self._beyond(candidate, limit), self._beyond(baseline, limit))

    def _beyond(self, window: CohortWindow, limit: float) -> tuple[int, int]:
        sign = 1 if self._definition.better == "lower" else -1
        values = self._scale.values(window)
        return values.at_or_above(sign * bucket_of(limit) + 1), values.total

    def describe(self, name: str, window: CohortWindow) -> str:
        """The quantile and its sample."""
        values = window.metric(self._definition.metric)
        return _words(name, values.quantile(self._definition.quantile or 0.5), values.total, window)


class MetricMean:
    """The mean of a metric; the limit is broken by the mean of at least `min_events` values."""

    unit: Unit = "number"

    def __init__(self, definition: MetricCheck) -> None:
        self._definition = definition
        self.limit = f"the limit of {signed_text(definition.limit or 0.0)}"
        self.side = "over" if definition.better == "lower" else "under"

    def tally(self, cell: Cell) -> tuple[float, int]:
        """The values as shares of the ceiling, summed, where 1 is worst; and how many there are."""
        values, ceiling = cell.metric(self._definition.metric), self._definition.ceiling or 1.0
        parts = fsum(min(max(value_of(bucket), 0.0), ceiling) / ceiling * number for bucket, number in values.items())
        return (parts if self._definition.better == "lower" else values.total - parts), values.total

    def describe_stage(self, name: str, cell: Cell) -> str:
        """The mean since the stage was ordered."""
        values = cell.metric(self._definition.metric)
        mean = values.mean()
        return f"{name} {'nothing' if mean is None else signed_text(mean)} over {count(values.total)} values"

    @property
    def objective(self) -> float | None:
        """The limit as such a share; None where there is none, or none that could be missed."""
        limit, ceiling = self._definition.limit, self._definition.ceiling
        if limit is None or ceiling is None or not 0.0 < limit < ceiling:
            return None
        return limit / ceiling if self._definition.better == "lower" else 1.0 - limit / ceiling

    def sample(self, window: CohortWindow) -> int:
        """Values of the metric."""
        return self._values(window).total

    def _values(self, window: CohortWindow) -> ValueCounts:
        return window.metric(self._definition.metric)

    def measured(self, arm: Arm, *, staged: bool) -> Measurement:
        """The mean, in the metric's unit."""
        values = self._values(arm.window)
        return Measurement(values.total, values.mean())

    def standing(self, window: CohortWindow) -> Standing:
        """How the window stands to the limit."""
        limit, values = self._definition.limit, self._values(window)
        mean = values.mean()
        if limit is None or mean is None:
            return Standing.WITHIN
        known = value_of(bucket_of(limit))  # to the resolution of the mean, so that at the limit is within it
        if mean <= max(limit, known) if self._definition.better == "lower" else mean >= min(limit, known):
            return Standing.WITHIN
        return Standing.BREACHED if values.total >= self._definition.min_events else Standing.ABOVE_BUT_FEW

    def alike(self, candidate: CohortWindow, baseline: CohortWindow) -> bool:
        """False: how far a mean is off by chance is not known without a bound."""
        return False

    def describe(self, name: str, window: CohortWindow) -> str:
        """The mean and its sample."""
        values = self._values(window)
        return _words(name, values.mean(), values.total, window)


def _words(name: str, value: float | None, values: int, window: CohortWindow) -> str:
    shown = "nothing" if value is None else signed_text(value)
    return f"{name} {shown} over {count(values)} values in {format_duration(window.length_ms)}"
