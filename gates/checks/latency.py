"""Latency: a quantile of the candidate against an absolute limit, over the sliding window."""

from __future__ import annotations

from gates.checks.check import Arm, View
from gates.checks.limit import Guard, Standing
from gates.checks.presence import presence
from gates.explain import count, milliseconds
from gates.panes import Pane
from gates.policy import Cohorts, LatencyCheck
from gates.quantities import format_duration
from gates.verdicts import Measurement, Outcome, Verdict


class Latency:
    """One `latency` check; see `Check` for its methods. It keeps nothing of its own: the windows hold all it needs."""

    def __init__(self, name: str, definition: LatencyCheck, cohorts: Cohorts, start_blocks: int) -> None:
        del cohorts, start_blocks  # the comparison with the baseline will want them
        self._name = name
        self._definition = definition
        self._guard = Guard(definition.limit_ms, definition.min_events)

    def observe(self, pane: Pane, *, eligible: bool) -> None:
        """Nothing to accumulate."""

    def enter_stage(self) -> None:
        """Nothing to forget."""

    def verdict(self, view: View) -> Verdict:
        """FAIL beyond the limit, then what is missing, else PASS."""
        candidate = self._measured(view.candidate)
        slow = view.candidate.window.above(self._definition.limit_ms)
        standing = self._guard.standing(candidate.value, slow)
        outcome, reason = self._judged(view, standing, candidate.value, slow)
        window = (view.candidate.window.start, view.candidate.window.end)
        return Verdict(self._name, outcome, reason, window, candidate, self._measured(view.baseline))

    def _judged(self, view: View, standing: Standing, value: float | None, slow: int) -> tuple[Outcome, str]:
        if standing is Standing.BREACHED:
            return Outcome.FAIL, f"{self._figures(view, value)} > {self._limit}"
        missing = presence(self._name, view)
        if missing is not None:
            return missing
        if standing is Standing.ABOVE_BUT_FEW:
            few = f"only {count(slow)} requests were slower, too few to tell"
            return Outcome.INCONCLUSIVE, f"{self._figures(view, value)} > {self._limit}, but {few}"
        return Outcome.PASS, f"{self._figures(view, value)} <= {self._limit}"

    @property
    def _limit(self) -> str:
        return f"limit {milliseconds(self._definition.limit_ms)}"

    def _figures(self, view: View, value: float | None) -> str:
        arm = view.candidate
        shown = "nothing" if value is None else milliseconds(value)
        over = f"{count(arm.window.requests)} requests in {format_duration(arm.window.length_ms)}"
        return f"{self._name}: {arm.name} {shown} over {over}"

    def _measured(self, arm: Arm) -> Measurement:
        return Measurement(arm.window.requests, arm.window.latency().quantile(self._definition.quantile))

    @property
    def evidence(self) -> dict[str, object]:
        """Nothing."""
        return {}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None: ...
