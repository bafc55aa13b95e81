"""Burn rate: whether the candidate spends its error budget too fast, over a long window and a short one."""

from __future__ import annotations

from gates.documents.quantities import format_duration
from gates.policy import BurnRateCheck
from gates.slis.check import CohortView, EvidenceView
from gates.slis.presence import presence
from gates.slis.windowed import Windowed
from gates.stats.burn_rate import BurnRule, WindowCounts, burn
from gates.text import rate, significant_text
from gates.verdicts import Measurement, Verdict, VerdictKind
from gates.windows import CohortWindow


class BurnRate(Windowed):
    """One `burn_rate` check. It claims no error probability: it is a guard rail."""

    def __init__(self, name: str, definition: BurnRateCheck) -> None:
        super().__init__(name, definition)
        self._slo = definition.slo
        self._errors = definition.errors
        self._rule = BurnRule(definition.spend, definition.window_ms, min_errors=definition.min_events)

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL while both windows burn."""
        window = view.candidate.window
        arms = (self._measured(arm.window) for arm in (view.candidate, view.baseline))
        shared = view.compared and self._burning(view.baseline)
        return self.made(self._outcome(view, shared), (window.start, window.end), *arms, baseline_beyond=shared)

    def _outcome(self, view: EvidenceView, shared: bool) -> tuple[VerdictKind, str]:
        words, most = self._words(view.candidate), f"{significant_text(self._rule.threshold, 3)} times"
        if self._burning(view.candidate):
            also = f"; so does {self._words(view.baseline)}" if shared else ""
            return VerdictKind.FAIL, f"{words} burns its error budget over {most} as fast as it may last{also}"
        missing = presence(view, lambda window: window.requests)
        return missing or (VerdictKind.PASS, f"{words}, under {most}")

    def _burning(self, arm: CohortView) -> bool:
        return self._rule.burning(self._counts(arm.window), self._counts(arm.short), slo=self._slo)

    def _counts(self, window: CohortWindow) -> WindowCounts:
        return WindowCounts(window.errors(self._errors), window.requests)

    def _words(self, arm: CohortView) -> str:
        counts = self._counts(arm.window)
        times = burn(counts.errors, counts.requests, self._slo)
        spent = "" if times is None else f" ({significant_text(times, 3)} times the even rate)"
        figures = rate(arm.name, counts.errors, counts.requests)
        return f"{figures} in {format_duration(arm.window.length_ms)}{spent}"

    def _measured(self, window: CohortWindow) -> Measurement:
        counts = self._counts(window)
        return Measurement(counts.requests, counts.errors / counts.requests if counts.requests else None, counts.errors)
