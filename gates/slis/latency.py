"""Latency: a quantile over the sliding window, as a `Figure`."""

from __future__ import annotations

from gates.documents.quantities import format_duration
from gates.policy import LatencyCheck
from gates.slis.check import Arm
from gates.slis.limit import Guard, Standing
from gates.stats.exceedance import bucket_at
from gates.text import count, milliseconds
from gates.verdicts import Measurement, Unit
from gates.windows import CohortWindow


class Latency:
    """The quantile of the latencies in the window; the limit is broken by the share of requests that are slower."""

    unit: Unit = "ms"
    side = "over"

    def __init__(self, definition: LatencyCheck) -> None:
        self._quantile = definition.quantile
        limit_ms = definition.limit_ms
        self._beyond = None if limit_ms is None else bucket_at(limit_ms) + 1  # to the histogram's resolution
        self._guard = Guard(1.0 - definition.quantile, definition.min_events)
        self.limit = f"the limit of {milliseconds(definition.limit_ms or 0)}"

    def sample(self, window: CohortWindow) -> int:
        """Requests."""
        return window.requests

    def measured(self, arm: Arm, *, staged: bool) -> Measurement:
        """The quantile in milliseconds."""
        return Measurement(arm.window.requests, arm.window.latency().quantile(self._quantile))

    def standing(self, window: CohortWindow) -> Standing:
        """How the window stands to the limit."""
        return Standing.WITHIN if self._beyond is None else self._guard.standing(*self._slow(window, self._beyond))

    def alike(self, candidate: CohortWindow, baseline: CohortWindow) -> bool:
        """Whether the baseline is no better than a candidate beyond the limit."""
        bucket = self._beyond
        return bucket is not None and self._guard.alike(self._slow(candidate, bucket), self._slow(baseline, bucket))

    def _slow(self, window: CohortWindow, bucket: int) -> tuple[int, int]:
        return window.latency().at_or_above(bucket), window.requests

    def describe(self, name: str, window: CohortWindow) -> str:
        """The quantile and its sample."""
        value = window.latency().quantile(self._quantile)
        shown = "nothing" if value is None else milliseconds(value)
        return f"{name} {shown} over {count(window.requests)} requests in {format_duration(window.length_ms)}"
