"""Shares of bad requests: error rate (by outcome), and failure rate of business transactions (by `success`)."""

from __future__ import annotations

from gates.documents.quantities import format_duration
from gates.panes import Cell
from gates.policy import ErrorRateCheck, SuccessRateCheck
from gates.slis.check import Arm
from gates.slis.limit import Guard, Standing
from gates.text import percent, rate
from gates.verdicts import Measurement, Unit
from gates.windows import CohortWindow


class ErrorRate:
    """The share of requests that are errors; a `Figure`, and the tally that its comparison counts by."""

    unit: Unit = "share"
    side = "over"

    def __init__(self, definition: ErrorRateCheck) -> None:
        self._errors = definition.errors
        self._guard = None if definition.limit is None else Guard(definition.limit, definition.min_events)
        self.limit = f"the limit of {percent(definition.limit or 0.0)}"

    def tally(self, source: Cell | CohortWindow) -> tuple[int, int]:
        """Errors, and requests."""
        return source.errors(self._errors), source.requests

    def describe_stage(self, name: str, cell: Cell) -> str:
        """The error rate since the stage was ordered."""
        return rate(name, *self.tally(cell))

    def sample(self, window: CohortWindow) -> int:
        """Requests."""
        return window.requests

    def measured(self, arm: Arm, *, staged: bool) -> Measurement:
        """The error rate, 0 to 1."""
        errors, requests = self.tally(arm.stage if staged else arm.window)
        return Measurement(requests, errors / requests if requests else None, errors)

    def standing(self, window: CohortWindow) -> Standing:
        """How the window stands to the limit."""
        return Standing.WITHIN if self._guard is None else self._guard.standing(*self.tally(window))

    def alike(self, candidate: CohortWindow, baseline: CohortWindow) -> bool:
        """Whether the baseline is no better than a candidate beyond the limit."""
        return self._guard is not None and self._guard.alike(self.tally(candidate), self.tally(baseline))

    def describe(self, name: str, window: CohortWindow) -> str:
        """The error rate with its counts."""
        return f"{rate(name, *self.tally(window))} in {format_duration(window.length_ms)}"


class SuccessRate:
    """The share of business transactions that succeed; a `Figure`, and the tally of failures."""

    unit: Unit = "share"
    side = "over"

    def __init__(self, definition: SuccessRateCheck) -> None:
        limit = definition.limit
        self._guard = None if limit is None else Guard(1.0 - limit, definition.min_events)
        self.limit = f"the limit of {percent(1.0 - (limit or 1.0))} failures"

    def tally(self, source: Cell | CohortWindow) -> tuple[int, int]:
        """Failed transactions, and all whose success is known."""
        known = source.detail if isinstance(source, Cell) else source
        return known.failed, known.failed + known.succeeded

    def describe_stage(self, name: str, cell: Cell) -> str:
        """The share of failures since the stage was ordered."""
        return f"{rate(name, *self.tally(cell))} without success"

    def sample(self, window: CohortWindow) -> int:
        """Transactions whose success is known."""
        return self.tally(window)[1]

    def measured(self, arm: Arm, *, staged: bool) -> Measurement:
        """The share of failures, 0 to 1."""
        failed, known = self.tally(arm.stage if staged else arm.window)
        return Measurement(known, failed / known if known else None, failed)

    def standing(self, window: CohortWindow) -> Standing:
        """How the window stands to the limit."""
        return Standing.WITHIN if self._guard is None else self._guard.standing(*self.tally(window))

    def alike(self, candidate: CohortWindow, baseline: CohortWindow) -> bool:
        """Whether the baseline is no better than a candidate beyond the limit."""
        return self._guard is not None and self._guard.alike(self.tally(candidate), self.tally(baseline))

    def describe(self, name: str, window: CohortWindow) -> str:
        """The share of failures with its counts."""
        return f"{rate(name, *self.tally(window))} without success in {format_duration(window.length_ms)}"
