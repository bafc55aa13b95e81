"""The checks that may compare: an absolute limit over the sliding window, the comparison with the baseline, or both.

What is measured is a `Figure`, what has been gathered for and against the candidate is `Evidence`; the order of the
questions is the same for all of them, and stands here.
"""

from __future__ import annotations

from typing import Protocol

from gates.comparison.evidence import ComparisonEvidence
from gates.panes import Pane
from gates.policy import ComparedCheck
from gates.slis.check import Arm, Seen, Thresholds, View
from gates.slis.limit import Standing
from gates.slis.presence import presence
from gates.stats.ratio_interval import Interval
from gates.text import clock_time, e_value
from gates.verdicts import Measurement, Outcome, Unit, Verdict
from gates.windows import CohortWindow

SUSPICION = 10.0
"""An e-value for the candidate being worse at which it is not advanced, though not yet rolled back."""


class Figure(Protocol):
    """What a check measures of a cohort, how it stands to the limit, and both in words.

    `limit` is the limit in words, `side` the side of it that is wrong: over or under.
    """

    limit: str
    side: str
    unit: Unit

    def sample(self, window: CohortWindow) -> int:
        """On how many observations the figure rests."""

    def measured(self, arm: Arm, *, staged: bool) -> Measurement:
        """The figure, over the window or (where it can) since the stage was ordered."""

    def standing(self, window: CohortWindow) -> Standing:
        """How the window stands to the limit; within, where there is none."""

    def alike(self, candidate: CohortWindow, baseline: CohortWindow) -> bool:
        """Whether the baseline is on its way beyond the limit too, no better than a candidate that is beyond it."""

    def describe(self, name: str, window: CohortWindow) -> str:
        """A cohort's figure in words."""


class Compared:
    """A check by limit, by comparison, or both; see `Check` for its methods."""

    def __init__(
        self,
        name: str,
        definition: ComparedCheck,
        figure: Figure,
        evidence: ComparisonEvidence | None,
        thresholds: Thresholds,
    ) -> None:
        self._name = name
        self._definition = definition
        self._figure = figure
        self._evidence = evidence
        self._thresholds = thresholds

    def observe(self, pane: Pane, seen: Seen) -> None:
        """Take in one pane."""
        if self._evidence is not None:
            self._evidence.observe(pane, seen)

    def enter_stage(self) -> None:
        """Forget what spoke for an advance; keep what speaks for a rollback."""
        if self._evidence is not None:
            self._evidence.enter_stage()

    @property
    def worse(self) -> float | None:
        """The e-value for the candidate being worse than allowed."""
        return None if self._evidence is None else self._evidence.worse

    def interval(self) -> Interval | None:
        """The ratio to the baseline."""
        return None if self._evidence is None else self._evidence.interval()

    def verdict(self, view: View) -> Verdict:
        """FAIL by limit, FAIL by comparison, then what is missing, else PASS."""
        beyond = self._figure.standing(view.candidate.window) is Standing.BREACHED
        rejected, shared = self._name in view.rejected, self._shared(view, beyond=beyond)
        if beyond:
            outcome, reason, staged = Outcome.FAIL, self._beyond(view, shared=shared), False
        elif rejected:
            outcome, reason, staged = Outcome.FAIL, self._rejected(view), True
        else:
            outcome, reason, staged = self._not_failing(view)
        window = view.candidate.window
        start = view.stage_start if staged else window.start
        candidate, baseline = (self._figure.measured(arm, staged=staged) for arm in (view.candidate, view.baseline))
        evidence = self._evidence
        return Verdict(
            self._name,
            outcome,
            f"{self._name}: {reason}",
            (start, window.end),
            candidate,
            baseline,
            e_value=None if evidence is None else evidence.worse,
            threshold=None if evidence is None else self._thresholds.rollback,
            advance_e_value=None if evidence is None else evidence.good,
            advance_threshold=None if evidence is None else self._thresholds.advance,
            unit=self._figure.unit,
            severity=self._definition.severity,
            on_fail=self._definition.on_fail,
            absolute=beyond,
            rejected=rejected,
            baseline_beyond=shared,
        )

    def _shared(self, view: View, *, beyond: bool) -> bool:
        """Whether the baseline breaks the limit too, or is about to when the candidate does."""
        if not view.compared:
            return False
        candidate, baseline = view.candidate.window, view.baseline.window
        breached = self._figure.standing(baseline) is Standing.BREACHED
        return breached or (beyond and self._figure.alike(candidate, baseline))

    def _beyond(self, view: View, *, shared: bool) -> str:
        also = f"; and {self._figure.describe(view.baseline.name, view.baseline.window)}" if shared else ""
        candidate = self._figure.describe(view.candidate.name, view.candidate.window)
        return f"{candidate}, {self._figure.side} {self._figure.limit}{also}"

    def _rejected(self, view: View) -> str:
        if self._evidence is None:
            raise TypeError("only a comparison can be rejected")
        found = f"e-value {e_value(self._evidence.worse)}"
        if self._evidence.worse >= self._thresholds.rollback:
            found += f" >= {e_value(self._thresholds.rollback)}"
        else:
            found += ", enough together with the other checks"
        return f"{self._evidence.describe(view)} since {clock_time(view.stage_start)}; {found}"

    def _not_failing(self, view: View) -> tuple[Outcome, str, bool]:
        missing = presence(view, self._figure.sample)
        if missing is not None:
            return *missing, False
        for window in (view.candidate.window, view.candidate.fresh):
            if self._figure.standing(window) is not Standing.WITHIN:
                figures = self._figure.describe(view.candidate.name, window)
                return (
                    Outcome.INCONCLUSIVE,
                    f"{figures}, {self._figure.side} {self._figure.limit} on too few to fail",
                    False,
                )
        if self._evidence is None:
            figures = self._figure.describe(view.candidate.name, view.candidate.window)
            return Outcome.PASS, f"{figures}, within {self._figure.limit}", False
        return *self._by_evidence(view, self._evidence), True

    def _by_evidence(self, view: View, evidence: ComparisonEvidence) -> tuple[Outcome, str]:
        figures, good, needed = evidence.describe(view), evidence.good, self._thresholds.advance
        if evidence.worse >= SUSPICION:
            against = f"suspect: e-value {e_value(evidence.worse)} of {e_value(self._thresholds.rollback)} against it"
            return Outcome.INCONCLUSIVE, f"{figures}, {against}"
        if good < needed:
            short = f"not yet shown to be good enough: e-value {e_value(good)} of {e_value(needed)}"
            return Outcome.INCONCLUSIVE, f"{figures}, {short}"
        return Outcome.PASS, f"{figures}; e-value {e_value(good)} >= {e_value(needed)}"

    @property
    def evidence(self) -> dict[str, object]:
        """What the comparison has gathered."""
        return {} if self._evidence is None else self._evidence.dump()

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        if self._evidence is not None:
            self._evidence.load(state)
