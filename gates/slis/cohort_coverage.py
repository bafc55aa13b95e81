"""Coverage of each cohort by itself: enough emitters of the other one hide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from gates.documents.quantities import format_duration
from gates.evidence_view import CohortNames, CohortView, EvidenceView, PaneUse
from gates.panes import Pane
from gates.slis.definition import CheckDefinition, sample_of
from gates.slis.presence import BROKEN
from gates.slis.usual_emitters import PAST_MS, UsualEmitters
from gates.slis.windowed import Windowed
from gates.text import percent
from gates.verdicts import Measurement, Verdict, VerdictKind

GRAVEST_FIRST = (VerdictKind.FAIL, VerdictKind.NO_DATA, VerdictKind.INCONCLUSIVE, VerdictKind.PASS)


class Reporting(NamedTuple):
    """How many emitters of a cohort reported in the window, and of how many; None where that is not known."""

    cohort: str
    number: int
    expected: int | None

    @property
    def share(self) -> float | None:
        """The share of the expected ones."""
        return None if self.expected is None else self.number / self.expected


class CohortCoverage(Windowed):
    """One `coverage` check that asks each cohort by itself; the worse one decides.

    `expected` has the numbers by cohort; None takes the usual ones of the last minutes. At 100% the baseline is not
    asked, because its instances may be stopped.
    """

    def __init__(
        self,
        name: str,
        definition: CheckDefinition,
        cohorts: CohortNames,
        limit: float,
        expected: Mapping[str, int] | None,
    ) -> None:
        super().__init__(name, definition.severity, definition.on_fail)
        self._baseline = cohorts.baseline
        self._least = limit
        self._expected = expected
        self._pick = sample_of(definition.traffic)
        names = (cohorts.candidate, cohorts.baseline) if expected is None else ()
        self._usual = {cohort: UsualEmitters(definition.window_ms) for cohort in names}
        self._since: int | None = None

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Record the start of the first pane, and which emitters report."""
        if self._since is None:
            self._since = pane.start
        for cohort, usual in self._usual.items():
            usual.observe(pane.start, self._pick(pane, cohort).detail.emitters)

    def enter_stage(self) -> None:
        """The baseline gets less traffic from here on, and an autoscaler may stop instances: forget its number."""
        if self._usual:
            self._usual[self._baseline].forget()

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL while too few emitters of a cohort report."""
        both = [self._reporting(cohort) for cohort in (view.candidate, view.baseline)]
        requests = (view.candidate.window.requests, view.baseline.window.requests)
        measured = (Measurement(number, each.share) for number, each in zip(requests, both, strict=True))
        window = view.candidate.window
        return self.made(self._outcome(view, both), (window.start, window.end), *measured)

    def _reporting(self, cohort: CohortView) -> Reporting:
        window = cohort.window
        number = len({emitter for _, cell in window.panes() for emitter in cell.detail.emitters})
        if self._expected is not None:
            return Reporting(cohort.name, number, self._expected.get(cohort.name))
        return Reporting(cohort.name, number, self._usual[cohort.name].number(before=window.start))

    def _outcome(self, view: EvidenceView, both: list[Reporting]) -> tuple[VerdictKind, str]:
        if view.broken:
            return VerdictKind.ERROR, BROKEN
        named = both if self._expected is None else [each for each in both if each.expected is not None]
        # A policy may name the baseline alone: at 100% nothing is left to ask.
        asked = [each for each in named if view.compared or each.cohort != self._baseline]
        full = self._since is not None and self._since <= view.candidate.window.start
        kinds = [self._kind(each, full=full) for each in asked]
        worst = min(kinds, key=GRAVEST_FIRST.index, default=VerdictKind.PASS)
        deciding = " and ".join(each.cohort for each, kind in zip(asked, kinds, strict=True) if kind is worst)
        if not asked:
            return VerdictKind.PASS, "the baseline is not asked at 100%"
        figures = ", ".join(map(self._figure, asked))
        length = format_duration(view.candidate.window.length_ms)
        return worst, f"emitters that reported in {length}: {figures}{self._consequence(worst, deciding)}"

    def _figure(self, each: Reporting) -> str:
        of = "" if each.expected is None else f" ({'usual' if self._usual else 'expected'}: {each.expected})"
        return f"{each.cohort} {each.number}{of}"

    def _kind(self, each: Reporting, *, full: bool) -> VerdictKind:
        if each.share is None:
            return VerdictKind.INCONCLUSIVE if each.number else VerdictKind.NO_DATA
        if each.share >= self._least:
            return VerdictKind.PASS
        # Emitters report every few seconds, so right after the start some have not yet had the time to.
        return VerdictKind.FAIL if full else VerdictKind.INCONCLUSIVE

    def _consequence(self, worst: VerdictKind, cohorts: str) -> str:
        if worst is VerdictKind.FAIL:
            usual = f" of the number that was usual in the {format_duration(PAST_MS)} before" if self._usual else ""
            return f"; too few of {cohorts}, the limit is {percent(self._least)}{usual}"
        if worst is VerdictKind.NO_DATA:
            return f"; no event of {cohorts} has an `emitter`"
        if worst is VerdictKind.INCONCLUSIVE:
            unknown = f"; the usual number of {cohorts} is known once a whole window lies before this one"
            return unknown if self._usual else "; the window is not yet full"
        return ""

    @property
    def evidence(self) -> dict[str, object]:
        """The start of the first pane, and the numbers of earlier windows."""
        return {"since": self._since, "usual": {cohort: usual.dump() for cohort, usual in self._usual.items()}}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        self._since = cast("int | None", state["since"])
        for cohort, dumped in cast("dict[str, list[object]]", state["usual"]).items():
            self._usual[cohort].restore(dumped)
