"""What a judge of the comparison is, and the whole minutes that some of them use."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Literal, Protocol

from gates.panes import Pane
from gates.stats.histogram import Histogram, RunningHistogram

Ruling = Literal["rollback", "pass"]
"""How a judge ends a rollout."""

CANDIDATE, BASELINE = "candidate", "baseline"
"""The cohorts' names in the panes."""

ERRORS = ("5xx", "error")
"""The outcomes that are errors, for every judge."""

MINUTE_MS = 60_000


class Judge(Protocol):
    """Gets one rollout pane by pane, and rules at most once."""

    def observe(self, pane: Pane) -> Ruling | None:
        """Judge the next pane; a ruling ends the rollout, None continues it."""
        ...


@dataclass(frozen=True, slots=True)
class Minute:
    """One cohort in one minute."""

    requests: int
    errors: int
    latency: Histogram

    @property
    def error_rate(self) -> float:
        """Share of the requests that failed; NaN without requests."""
        return error_rate(self.errors, self.requests)


def error_rate(errors: int, requests: int) -> float:
    """Share of the requests that failed; NaN without requests, because a monitoring system divides 0 by 0."""
    return errors / requests if requests else nan


class Minutes:
    """Sums the panes of one cohort to whole minutes, counted from the first pane."""

    def __init__(self, cohort: str) -> None:
        self._cohort = cohort
        self._origin: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._requests = self._errors = 0
        self._latency = RunningHistogram()

    def observe(self, pane: Pane) -> Minute | None:
        """Add the next pane; returns the minute that it completes, or None."""
        if self._origin is None:
            self._origin = pane.start
        cell = pane.cell(self._cohort)
        self._requests += cell.requests
        self._errors += cell.errors(ERRORS)
        self._latency.add(cell.latency)
        if (pane.end - self._origin) % MINUTE_MS:
            return None
        minute = Minute(self._requests, self._errors, self._latency.get())
        self._clear()
        return minute
