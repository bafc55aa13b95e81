"""Error rate: an absolute limit over the sliding window, and the anytime-valid comparison with the baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from gates.checks.check import Arm, Thresholds, View
from gates.checks.limit import Guard, Standing
from gates.checks.presence import presence
from gates.explain import clock_time, e_value, percent, rate
from gates.panes import Cell, Pane
from gates.policy import Cohorts, ErrorRateCheck
from gates.quantities import format_duration
from gates.stats.error_share import ErrorShare, PaneCounts
from gates.verdicts import Measurement, Outcome, Verdict
from gates.windows import CohortWindow


class ErrorRate:
    """One `error_rate` check; see `Check` for its methods. `start_blocks` spreads the prior over late starts."""

    def __init__(
        self, name: str, definition: ErrorRateCheck, cohorts: Cohorts, start_blocks: int, thresholds: Thresholds
    ) -> None:
        self._name = name
        self._definition = definition
        self._cohorts = cohorts
        self._thresholds = thresholds
        self._guard = None if definition.limit is None else Guard(definition.limit, definition.min_events)
        ratio = definition.ratio
        self._worse = None if ratio is None else ErrorShare.regression(ratio, start_blocks)
        self._good = None if ratio is None else ErrorShare.advance(ratio)

    def observe(self, pane: Pane, *, eligible: bool) -> None:
        """Take in one pane."""
        if self._worse is None or self._good is None:
            return
        candidate, baseline = pane.cell(self._cohorts.candidate), pane.cell(self._cohorts.baseline)
        counts = PaneCounts(self._errors(candidate), self._errors(baseline), candidate.requests, baseline.requests)
        self._worse.update(counts)
        if eligible:
            self._good.update(counts)

    def _errors(self, cell: Cell) -> int:
        return cell.errors(self._definition.errors)

    def enter_stage(self) -> None:
        """Forget what spoke for an advance; keep what speaks for a rollback."""
        if self._definition.ratio is not None:
            self._good = ErrorShare.advance(self._definition.ratio)

    def verdict(self, view: View) -> Verdict:
        """FAIL by limit, FAIL by comparison, then what is missing, else PASS."""
        return self._limit_failure(view) or self._ratio_failure(view) or self._not_failing(view)

    def _limit_failure(self, view: View) -> Verdict | None:
        if self._standing(view.candidate.window) is not Standing.BREACHED:
            return None
        figures = self._window_rate(view.candidate.name, view.candidate.window)
        reason = f"{self._name}: {figures}, over the limit of {self._limit}"
        return self._windowed(view, Outcome.FAIL, reason)

    def _ratio_failure(self, view: View) -> Verdict | None:
        if self._worse is None or (found := self._worse.get()) < self._thresholds.rollback:
            return None
        reason = (
            f"{self._name}: {self._since_stage(view.candidate)} against {self._since_stage(view.baseline)} "
            f"since {clock_time(view.stage_start)}; e-value {e_value(found)} >= {e_value(self._thresholds.rollback)}"
        )
        return self._staged(view, Outcome.FAIL, reason)

    def _not_failing(self, view: View) -> Verdict:
        missing = presence(self._name, view)
        if missing is not None:
            return self._windowed(view, *missing)
        for window in (view.candidate.window, view.candidate.fresh):
            if self._standing(window) is not Standing.WITHIN:
                figures = self._window_rate(view.candidate.name, window)
                reason = f"{self._name}: {figures}, over the limit of {self._limit} on too few errors to fail"
                return self._windowed(view, Outcome.INCONCLUSIVE, reason)
        if self._good is None or not view.compared:
            alone = "" if view.compared or self._good is None else "; no baseline is left to compare with"
            figures = self._window_rate(view.candidate.name, view.candidate.window)
            reason = f"{self._name}: {figures}, within the limit of {self._limit}{alone}"
            return self._windowed(view, Outcome.PASS, reason)
        figures = f"{self._since_stage(view.candidate)} against {self._since_stage(view.baseline)}"
        found = self._good.get()
        if found < self._thresholds.advance:
            short = f"not yet shown to be good enough: e-value {e_value(found)} of {e_value(self._thresholds.advance)}"
            return self._staged(view, Outcome.INCONCLUSIVE, f"{self._name}: {figures}, {short}")
        evidence = f"e-value {e_value(found)} >= {e_value(self._thresholds.advance)}"
        return self._staged(view, Outcome.PASS, f"{self._name}: {figures}; {evidence}")

    def _standing(self, window: CohortWindow) -> Standing:
        if self._guard is None:
            return Standing.WITHIN
        return self._guard.standing(window.errors(self._definition.errors), window.requests)

    @property
    def _limit(self) -> str:
        return percent(self._definition.limit or 0.0)

    def _window_rate(self, name: str, window: CohortWindow) -> str:
        figures = rate(name, window.errors(self._definition.errors), window.requests)
        return f"{figures} in {format_duration(window.length_ms)}"

    def _since_stage(self, arm: Arm) -> str:
        return rate(arm.name, self._errors(arm.stage), arm.stage.requests)

    def _windowed(self, view: View, outcome: Outcome, reason: str) -> Verdict:
        window = (view.candidate.window.start, view.candidate.window.end)
        arms = [self._windowed_measurement(arm.window) for arm in (view.candidate, view.baseline)]
        return self._made(outcome, reason, window, arms)

    def _staged(self, view: View, outcome: Outcome, reason: str) -> Verdict:
        window = (view.stage_start, view.candidate.window.end)
        arms = [self._staged_measurement(arm) for arm in (view.candidate, view.baseline)]
        return self._made(outcome, reason, window, arms)

    def _made(self, outcome: Outcome, reason: str, window: tuple[int, int], arms: Iterable[Measurement]) -> Verdict:
        candidate, baseline = arms
        verdict = Verdict(self._name, outcome, reason, window, candidate, baseline)
        if self._worse is None or self._good is None:
            return verdict
        return replace(
            verdict,
            e_value=self._worse.get(),
            threshold=self._thresholds.rollback,
            advance_e_value=self._good.get(),
            advance_threshold=self._thresholds.advance,
        )

    def _windowed_measurement(self, window: CohortWindow) -> Measurement:
        return _measured(window.requests, window.errors(self._definition.errors))

    def _staged_measurement(self, arm: Arm) -> Measurement:
        return _measured(arm.stage.requests, self._errors(arm.stage))

    @property
    def evidence(self) -> dict[str, object]:
        """The two e-processes."""
        if self._worse is None or self._good is None:
            return {}
        return {"worse": self._worse.dump(), "good": self._good.dump()}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        for process, word in ((self._worse, "worse"), (self._good, "good")):
            if process is not None:
                process.load(cast("tuple[int, list[float | None]]", state[word]))


def _measured(requests: int, errors: int) -> Measurement:
    return Measurement(requests, errors / requests if requests else None, errors)
