"""Figures for people and dashboards. No verdict depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum

from gates.documents.state import as_document
from gates.verdicts import significant
from gates.windows import CohortWindow

ERRORS = ("5xx", "error")
"""The outcomes that are errors here, whatever a check counts as errors."""


@dataclass(frozen=True, slots=True)
class CohortIndicators:
    """One cohort over its longest window: the error rate as a share, quantiles of the latency in milliseconds."""

    window_ms: int
    requests: int
    error_rate: float | None
    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, window: CohortWindow) -> CohortIndicators:
        """The figures of a window, to six significant digits."""
        requests = window.requests
        latencies = window.latency()
        quantiles = (latencies.quantile(q) for q in (0.5, 0.95, 0.99))
        return cls(
            window.length_ms,
            requests,
            significant(window.errors(ERRORS) / requests) if requests else None,
            *(None if value is None else significant(value) for value in quantiles),
        )


@dataclass(frozen=True, slots=True)
class Indicators:
    """`rps` is the requests a second of both cohorts together, over their longest windows."""

    rps: float
    cohorts: dict[str, CohortIndicators]

    @classmethod
    def of(cls, windows: Mapping[str, CohortWindow]) -> Indicators:
        """The figures of each cohort's longest window."""
        rps = fsum(window.requests * 1000.0 / window.length_ms for window in windows.values())
        return cls(rps, {name: CohortIndicators.of(window) for name, window in windows.items()})

    def document(self) -> dict[str, object]:
        """The `slis` of a status."""
        document: dict[str, object] = as_document(self.cohorts)
        return document
