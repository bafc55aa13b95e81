"""Latency: an absolute limit on a quantile over the sliding window, and the comparison with the baseline."""

from __future__ import annotations

from dataclasses import replace

from gates.checks.check import Thresholds, View
from gates.checks.limit import Guard, Standing
from gates.checks.presence import presence
from gates.checks.slower import Slower
from gates.explain import clock_time, count, e_value, milliseconds
from gates.panes import Pane
from gates.policy import Cohorts, LatencyCheck
from gates.quantities import format_duration
from gates.verdicts import Measurement, Outcome, Verdict
from gates.windows import CohortWindow


class Latency:
    """One `latency` check; see `Check` for its methods. `start_blocks` spreads the prior over late starts."""

    def __init__(
        self, name: str, definition: LatencyCheck, cohorts: Cohorts, start_blocks: int, thresholds: Thresholds
    ) -> None:
        self._name = name
        self._definition = definition
        self._thresholds = thresholds
        self._guard = Guard(1.0 - definition.quantile, definition.min_events)  # slow requests: those over the limit
        ratio = definition.ratio
        self._slower = None if ratio is None else Slower(cohorts, definition.quantile, ratio, start_blocks)

    def observe(self, pane: Pane, *, eligible: bool) -> None:
        """Take in one pane."""
        if self._slower is not None:
            self._slower.observe(pane, eligible=eligible)

    def enter_stage(self) -> None:
        """Forget what spoke for an advance; keep what speaks for a rollback."""
        if self._slower is not None:
            self._slower.enter_stage()

    def verdict(self, view: View) -> Verdict:
        """FAIL by limit, FAIL by comparison, then what is missing, else PASS."""
        outcome, reason = self._failing(view) or presence(self._name, view) or self._passing(view)
        window = (view.candidate.window.start, view.candidate.window.end)
        arms = (self._measured(view.candidate.window), self._measured(view.baseline.window))
        verdict = Verdict(self._name, outcome, reason, window, *arms)
        if self._slower is None:
            return verdict
        return replace(
            verdict,
            e_value=self._slower.worse,
            threshold=self._thresholds.rollback,
            advance_e_value=self._slower.good,
            advance_threshold=self._thresholds.advance,
        )

    def _failing(self, view: View) -> tuple[Outcome, str] | None:
        name, window = view.candidate.name, view.candidate.window
        if self._standing(window) is Standing.BREACHED:
            return Outcome.FAIL, f"{self._figures(name, window)}, over the {self._limit}"
        if self._slower is not None and (found := self._slower.worse) >= self._thresholds.rollback:
            evidence = f"e-value {e_value(found)} >= {e_value(self._thresholds.rollback)}"
            since = clock_time(view.stage_start)
            return Outcome.FAIL, f"{self._name}: {self._slower.figures()}, since {since}; {evidence}"
        return None

    def _passing(self, view: View) -> tuple[Outcome, str]:
        name, window = view.candidate.name, view.candidate.window
        for part in (window, view.candidate.fresh):
            if self._standing(part) is not Standing.WITHIN:
                few = f"over the {self._limit} on too few slow requests to fail"
                return Outcome.INCONCLUSIVE, f"{self._figures(name, part)}, {few}"
        if self._slower is None or not view.compared:
            alone = "" if self._slower is None else "; no baseline is left to compare with"
            return Outcome.PASS, f"{self._figures(name, window)}, within the {self._limit}{alone}"
        found, needed = self._slower.good, self._thresholds.advance
        if found < needed:
            short = f"not yet shown to be fast enough: e-value {e_value(found)} of {e_value(needed)}"
            return Outcome.INCONCLUSIVE, f"{self._name}: {self._slower.figures()}, {short}"
        return Outcome.PASS, f"{self._name}: {self._slower.figures()}; e-value {e_value(found)} >= {e_value(needed)}"

    def _standing(self, window: CohortWindow) -> Standing:
        limit_ms = self._definition.limit_ms
        if limit_ms is None:
            return Standing.WITHIN
        return self._guard.standing(window.above(limit_ms), window.requests)

    @property
    def _limit(self) -> str:
        return f"limit of {milliseconds(self._definition.limit_ms or 0)}"

    def _figures(self, name: str, window: CohortWindow) -> str:
        value = self._measured(window).value
        shown = "nothing" if value is None else milliseconds(value)
        over = f"{count(window.requests)} requests in {format_duration(window.length_ms)}"
        return f"{self._name}: {name} {shown} over {over}"

    def _measured(self, window: CohortWindow) -> Measurement:
        return Measurement(window.requests, window.latency().quantile(self._definition.quantile))

    @property
    def evidence(self) -> dict[str, object]:
        """What the comparison has gathered."""
        return {} if self._slower is None else self._slower.dump()

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        if self._slower is not None:
            self._slower.load(state)
