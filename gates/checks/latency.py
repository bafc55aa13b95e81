"""Latency: a quantile of the candidate against an absolute limit, over the sliding window."""

from __future__ import annotations

from gates.checks.check import View
from gates.checks.limit import Guard, Standing
from gates.checks.presence import presence
from gates.explain import count, milliseconds
from gates.panes import Pane
from gates.policy import Cohorts, LatencyCheck
from gates.quantities import format_duration
from gates.verdicts import Measurement, Outcome, Verdict
from gates.windows import CohortWindow


class Latency:
    """One `latency` check; see `Check` for its methods. It keeps nothing of its own: the windows hold all it needs."""

    def __init__(self, name: str, definition: LatencyCheck, cohorts: Cohorts, start_blocks: int) -> None:
        del cohorts, start_blocks  # the comparison with the baseline will want them
        self._name = name
        self._definition = definition
        self._guard = Guard(1.0 - definition.quantile, definition.min_events)  # slow requests: those over the limit

    def observe(self, pane: Pane, *, eligible: bool) -> None:
        """Nothing to accumulate."""

    def enter_stage(self) -> None:
        """Nothing to forget."""

    def verdict(self, view: View) -> Verdict:
        """FAIL beyond the limit, then what is missing, else PASS."""
        outcome, reason = self._judged(view)
        window = (view.candidate.window.start, view.candidate.window.end)
        arms = (self._measured(view.candidate.window), self._measured(view.baseline.window))
        return Verdict(self._name, outcome, reason, window, *arms)

    def _judged(self, view: View) -> tuple[Outcome, str]:
        name, window = view.candidate.name, view.candidate.window
        if self._standing(window) is Standing.BREACHED:
            return Outcome.FAIL, f"{self._figures(name, window)}, over the {self._limit}"
        missing = presence(self._name, view)
        if missing is not None:
            return missing
        for part in (window, view.candidate.fresh):
            if self._standing(part) is not Standing.WITHIN:
                few = f"over the {self._limit} on too few slow requests to fail"
                return Outcome.INCONCLUSIVE, f"{self._figures(name, part)}, {few}"
        return Outcome.PASS, f"{self._figures(name, window)}, within the {self._limit}"

    def _standing(self, window: CohortWindow) -> Standing:
        return self._guard.standing(window.above(self._definition.limit_ms), window.requests)

    @property
    def _limit(self) -> str:
        return f"limit of {milliseconds(self._definition.limit_ms)}"

    def _figures(self, name: str, window: CohortWindow) -> str:
        value = self._measured(window).value
        shown = "nothing" if value is None else milliseconds(value)
        over = f"{count(window.requests)} requests in {format_duration(window.length_ms)}"
        return f"{self._name}: {name} {shown} over {over}"

    def _measured(self, window: CohortWindow) -> Measurement:
        return Measurement(window.requests, window.latency().quantile(self._definition.quantile))

    @property
    def evidence(self) -> dict[str, object]:
        """Nothing."""
        return {}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None: ...
