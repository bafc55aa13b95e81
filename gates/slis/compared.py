"""The verdict of a check that may compare: by an absolute limit over its window, by the baseline, or by both.

A `Figure` measures, a `ComparisonEvidence` gathers e-values for and against the candidate. The order of the questions
is the same for all such checks, and stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gates.comparison.count_evidence import BlockState, Found
from gates.comparison.evidence import SUSPICION, ComparisonEvidence
from gates.evidence_view import CohortView, EvidenceView, PaneUse, Thresholds
from gates.panes import Pane
from gates.slis.compared_definition import ComparedCheck
from gates.slis.limit import Assessment, Standing
from gates.slis.presence import lacking_latencies, presence
from gates.text import clock_time, count, e_value, part_text, significant_text
from gates.verdicts import NO_INTERVALS, Intervals, Measurement, Unit, Verdict, VerdictKind
from gates.windows import CohortWindow

NOT_LATELY = "the newest requests are nearer to the bound than to the baseline"

LEAST_SHOWN_S = 2.0
"""What hangs together for less than this is of one pane."""

NOT_SHOWN = "not shown to be good (proof: false)"
"""Of a stage that asks for no proof, where nothing speaks against the candidate either."""

LEAST_SHARED = 3
"""Bad events of the baseline from which on it may share the candidate's breach of a limit."""


class Figure(Protocol):
    """What a check measures of a cohort, how it stands to the limit, and both as text.

    `limit` is the limit as text, `side` its wrong side: above or below.
    """

    limit: str
    side: str
    unit: Unit

    def measured(self, cohort: CohortView, *, staged: bool) -> Measurement:
        """The figure, over the window or (where it can) since the stage was ordered."""

    def assess(self, window: CohortWindow) -> Assessment:
        """How the window stands to the limit, and on how many values the figure rests."""

    def alike(self, candidate: CohortWindow, baseline: CohortWindow, least: int | None) -> bool:
        """Whether the baseline is about to break the limit too, no better than a candidate that breaks it.

        `least` is how many bad events of the baseline show that; None: `min_events`.
        """

    def window_text(self, name: str, window: CohortWindow) -> str:
        """A cohort's figure over the window, as text."""


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

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""
        if self._evidence is not None:
            self._evidence.observe(pane, seen)

    def enter_stage(self) -> None:
        """Reset the evidence for an advance; the evidence for a rollback continues."""
        if self._evidence is not None:
            self._evidence.enter_stage()

    @property
    def worse(self) -> float | None:
        """The e-value for the candidate being worse than allowed."""
        return None if self._evidence is None else self._evidence.worse

    @property
    def blocks(self) -> BlockState | None:
        """How the evidence stands, where it is gathered in blocks; else None."""
        return None if self._evidence is None else self._evidence.blocks()

    def intervals(self, windows: Mapping[str, CohortWindow]) -> Intervals:
        """The ratio to the baseline, with its confidence sequence."""
        return NO_INTERVALS if self._evidence is None else Intervals(ratio=self._evidence.interval())

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL by limit, FAIL by comparison, then what is missing, else PASS.

        The two FAILs come before every question of missing data: an outage of telemetry, or too few requests, must not
        hide a limit that is broken or a null that is rejected. The limit comes first: its reason is the simpler one.
        """
        cohorts = (view.candidate, view.baseline) if view.compared else (view.candidate,)
        assessed = [self._figure.assess(cohort.window) for cohort in cohorts]
        e_values = None if self._evidence is None else self._evidence.found()
        beyond = assessed[0].standing is Standing.BREACHED
        rejected, shared = self._name in view.rejected, self._shared(view, assessed)
        if beyond:
            outcome, reason, staged = VerdictKind.FAIL, self._beyond(view, shared=shared), False
        elif rejected:
            outcome, reason, staged = VerdictKind.FAIL, self._rejected(view), True
        else:
            outcome, reason, staged = self._not_failing(view, assessed, e_values)
        window = view.candidate.window
        start = view.stage_start if staged else window.start
        candidate, baseline = (
            self._figure.measured(cohort, staged=staged) for cohort in (view.candidate, view.baseline)
        )
        return Verdict(
            self._name,
            outcome,
            f"{self._name}: {reason}",
            (start, window.end),
            candidate,
            baseline,
            e_value=None if e_values is None else e_values.worse,
            threshold=None if e_values is None else self._thresholds.rollback,
            advance_e_value=None if e_values is None else e_values.good,
            advance_threshold=None if e_values is None else self._thresholds.advance,
            unit=self._figure.unit,
            severity=self._definition.severity,
            on_fail=self._definition.on_fail,
            phi=1.0 if e_values is None else e_values.phi,
            absolute=beyond,
            rejected=rejected,
            baseline_beyond=shared,
        )

    def _shared(self, view: EvidenceView, assessed: Sequence[Assessment]) -> bool:
        """Whether the baseline breaks the limit too, or is about to when the candidate does."""
        if not view.compared:
            return False
        candidate, baseline = assessed
        if baseline.standing is Standing.BREACHED:
            return True
        beyond = candidate.standing is Standing.BREACHED
        least = LEAST_SHARED if view.rules.shared_from_few else None
        return beyond and self._figure.alike(view.candidate.window, view.baseline.window, least)

    def _beyond(self, view: EvidenceView, *, shared: bool) -> str:
        also = f"; {self._figure.window_text(view.baseline.name, view.baseline.window)}" if shared else ""
        candidate = self._figure.window_text(view.candidate.name, view.candidate.window)
        return f"{candidate}, {self._figure.side} {self._figure.limit}{also}"

    def _rejected(self, view: EvidenceView) -> str:
        if self._evidence is None:
            raise TypeError("only a comparison can be rejected")
        found = f"since {clock_time(view.stage_start)} {self._evidence.describe(view)}"
        found += f"; e-value {e_value(self._evidence.worse)}{_over(self._evidence.blocks())}"
        if self._evidence.worse >= self._thresholds.rollback:
            return f"{found}, rolls back at {e_value(self._thresholds.rollback)}"
        return f"{found}, rolls back together with the other checks"

    def _not_failing(
        self, view: EvidenceView, assessed: Sequence[Assessment], e_values: Found | None
    ) -> tuple[VerdictKind, str, bool]:
        required = "latencies" if self._figure.unit == "ms" else ""
        samples = [each.sample for each in assessed]
        missing = presence(view, samples, required, comparing=self._evidence is not None)
        if missing is not None:
            return *missing, False
        if required and (lacking := lacking_latencies(view, samples, comparing=self._evidence is not None)):
            return VerdictKind.INCONCLUSIVE, lacking, False
        window, fresh = view.candidate.window, view.candidate.fresh
        for part, standing in ((window, assessed[0].standing), (fresh, self._figure.assess(fresh).standing)):
            if standing is not Standing.WITHIN:
                figures = self._figure.window_text(view.candidate.name, part)
                return (
                    VerdictKind.INCONCLUSIVE,
                    f"{figures}, {self._figure.side} {self._figure.limit}, too few events to fail (min_events)",
                    False,
                )
        if self._evidence is None or e_values is None:
            figures = self._figure.window_text(view.candidate.name, window)
            return VerdictKind.PASS, f"{figures}, within {self._figure.limit}", False
        figures = self._evidence.describe(view)
        return *_by_evidence(view, self._definition, figures, e_values, self._thresholds), True

    @property
    def evidence(self) -> dict[str, object]:
        """The state of the comparison, for a snapshot."""
        return {} if self._evidence is None else self._evidence.dump()

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        if self._evidence is not None:
            self._evidence.load(state)


def _by_evidence(
    view: EvidenceView, definition: ComparedCheck, figures: str, e_values: Found, thresholds: Thresholds
) -> tuple[VerdictKind, str]:
    worse, good, needed = e_values.worse, e_values.good, thresholds.advance
    limited = _limited(e_values, thresholds.rollback)
    if worse >= SUSPICION:
        against = f"e-value {e_value(worse)} for a worse candidate"
        reason = f"{figures}, {against}, rolls back at {e_value(thresholds.rollback)}{limited}"
        return VerdictKind.INCONCLUSIVE, reason
    proved = good >= needed
    passes = e_values.lately_good and (proved or not view.proof)
    lately = "" if e_values.lately_good else f", but {NOT_LATELY}"
    if proved or view.proof:
        shown = _shown(definition, view, e_values, proved=proved)
        held = "" if proved else _held_back(definition, view, e_values, needed)
        evidence = f"e-value {e_value(good)}, needs {e_value(needed)}{shown}{held}"
    else:
        evidence = f"e-value {e_value(good)}, {NOT_SHOWN}"
    if e_values.dropped and not proved:
        evidence += (
            f"; {count(e_values.dropped)} requests found none of the other cohort within 60s to be compared with"
        )
    outcome = VerdictKind.PASS if passes else VerdictKind.INCONCLUSIVE
    return outcome, f"{figures}, {evidence}{lately}{limited}"


def _limited(e_values: Found, threshold: float) -> str:
    """Why there is no rollback, where only the parts of the candidate do not agree on it."""
    agreement = e_values.agreement
    if agreement is None or agreement.whole < threshold:
        return ""
    part, reached = part_text(agreement.part), e_value(agreement.reached)
    return f"; not rolled back, because {part} reaches {reached} of the {agreement.needed:g} it needs"


def _over(blocks: BlockState | None) -> str:
    """How many blocks with bad events an e-value rests on."""
    if blocks is None:
        return ""
    return f" over {count(blocks.report.number)} block{'' if blocks.report.number == 1 else 's'}"


def _shown(definition: ComparedCheck, view: EvidenceView, e_values: Found, *, proved: bool) -> str:
    """What the evidence for an advance shows, or has still to show."""
    if e_values.margin is None:
        return ""
    bound = definition.bound_text(view.baseline.name, e_values.margin)
    return f", {'shown' if proved else 'not yet shown'} to be below {bound}" if bound else ""


def _held_back(definition: ComparedCheck, view: EvidenceView, e_values: Found, needed: float) -> str:
    """That the evidence would be enough if bad events did not come together, as far as that is known."""
    clustering = e_values.clustering
    if clustering is None or clustering.undivided < needed:
        return ""
    events = f"{view.baseline.name}'s {'errors' if definition.clusters else 'bad events'}"
    slower = f"evidence counts {significant_text(e_values.phi, 2)} times less"
    if not clustering.measured:
        return f", because it is not yet measured whether {events} come together and {slower} until then"
    lasting = f" for about {round(clustering.seconds)}s" if clustering.seconds >= LEAST_SHOWN_S else ""
    return f", because {events} come together{lasting} and {slower}"
