"""Coverage: whether telemetry comes from as many emitters as there should be, of both cohorts or of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, cast

from pydantic import Field

from gates.documents.fields import Emitters, Share
from gates.documents.quantities import format_duration, format_share, shown
from gates.documents.readers import AUTO
from gates.evidence_view import CohortView, EvidenceView, PaneUse
from gates.panes import Pane
from gates.slis.check_context import CheckContext
from gates.slis.cohort_coverage import CohortCoverage
from gates.slis.definition import Check, TelemetryCheckDefinition
from gates.slis.findings import Fields, Finding, LintContext, RuleContext
from gates.slis.presence import BROKEN
from gates.slis.windowed import Windowed
from gates.text import percent
from gates.verdicts import Measurement, Verdict, VerdictKind


class CoverageCheck(TelemetryCheckDefinition):
    """The share of the `expected` emitters that reported (requests or heartbeats) in the last `window_ms`.

    A number expects that many of both cohorts together; numbers by cohort, or `auto`, are of each cohort by itself, and
    the worse one decides.
    """

    counts_emitters: ClassVar[bool] = True

    sli: Literal["coverage"] = Field(examples=["coverage"], description="What the check measures.")
    expected: Emitters = Field(
        examples=[12],
        description="The number of emitters: of both cohorts together, of each, such as {canary: 2, stable: 10}, or "
        "`auto`: as many of each as is usual in the ten minutes before.",
    )
    limit: Share = Field(
        default=0.9, examples=["90%"], description="The lowest acceptable share of emitters that report."
    )

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        if isinstance(self.expected, int):
            return Coverage(name, self, self.expected)
        numbers = self.expected if isinstance(self.expected, Mapping) else None
        return CohortCoverage(name, self, context.cohorts, self.limit, numbers)

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield a limit that one emitter meets or a single missing one breaks, one emitter only, and a late number."""
        if isinstance(self.expected, int) and self.limit * self.expected <= 1.0:
            yield Finding(
                "limit",
                f"cannot fail: one emitter is already {format_share(self.limit)} of {self.expected}, and without any "
                "the rollout holds anyway; raise `limit`",
            )
            return
        numbers = self.expected if isinstance(self.expected, Mapping) else {}
        for cohort, number in numbers.items():
            if number > 1 and self.limit * number <= 1.0:
                yield Finding(
                    "limit",
                    f"cannot fail for {cohort}: one of its {number} emitters is enough; raise `limit`",
                )
        if self.limit == 1.0:
            yield Finding(
                "limit", "100% holds the rollout while a single emitter restarts or reports late; write 90% or so"
            )
        if numbers.get(context.candidate) == 1:
            yield Finding(
                "expected",
                f"1 emitter of {context.candidate}: whatever is wrong with this one instance, such as its host, counts "
                "as the version's; run 2 or more, and write their number",
            )
        yield from self._late_number(context)

    def _late_number(self, context: LintContext) -> Iterator[Finding]:
        """Yield a window so long that a stage waits for its first usual number."""
        needed = 2 * self.window_ms
        waiting = [
            stage.name
            for stage in context.stages
            if (stage.warmup_ms or 0) + stage.bake_ms < needed and stage.weight < 1.0
        ]
        if self.expected == AUTO and self.required and waiting:
            yield Finding(
                "window",
                f"stage {' and '.join(waiting)} waits for this check: the usual number is known after two windows "
                f"({format_duration(needed)}), which is longer than the bake; shorten `window`",
            )

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Yield the faults between the fields of one definition as written."""
        yield from super().rules(fields, context)
        expected = fields.get("expected")
        if isinstance(expected, Mapping) and context.cohorts:
            for name in expected:
                if isinstance(name, str) and name not in context.cohorts:
                    yield Finding("expected", f"{shown(name)} is no cohort; write {' or '.join(context.cohorts)}")


class Coverage(Windowed):
    """One `coverage` check. An emitter counts by a request or a heartbeat, of either cohort."""

    def __init__(self, name: str, definition: CoverageCheck, expected: int) -> None:
        super().__init__(name, definition.severity, definition.on_fail)
        self._expected = expected
        self._least = definition.limit
        self._since: int | None = None

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Record the start of the first pane."""
        if self._since is None:
            self._since = pane.start

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL while too few emitters report."""
        cohorts, window = (view.candidate, view.baseline), view.candidate.window
        emitters = [_emitters(cohort) for cohort in cohorts]
        found = self._outcome(view, len(emitters[0] | emitters[1]))
        measured = (
            Measurement(cohort.window.requests, len(known) / self._expected)
            for cohort, known in zip(cohorts, emitters, strict=True)
        )
        return self.made(found, (window.start, window.end), *measured)

    def _outcome(self, view: EvidenceView, reporting: int) -> tuple[VerdictKind, str]:
        if view.broken:
            return VerdictKind.ERROR, BROKEN
        length = format_duration(view.candidate.window.length_ms)
        figures = f"{reporting} of {self._expected} emitters reported in {length}"
        if reporting >= self._least * self._expected:
            return VerdictKind.PASS, figures
        # Emitters report every few seconds, so right after the start some have not yet had the time to.
        if self._since is None or self._since > view.candidate.window.start:
            return VerdictKind.INCONCLUSIVE, f"{figures}, and the window is not yet full"
        return VerdictKind.FAIL, f"{figures}, below the limit of {percent(self._least)}"

    @property
    def evidence(self) -> dict[str, object]:
        """The start of the first pane."""
        return {"since": self._since}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        self._since = cast("int | None", state["since"])


def _emitters(cohort: CohortView) -> set[int]:
    return {emitter for _, cell in cohort.window.panes() for emitter in cell.detail.emitters}
