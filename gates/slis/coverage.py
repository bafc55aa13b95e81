"""Coverage: whether the telemetry comes from as many emitters as there should be.

Emitters report every few seconds, so in the rollout's first moments some have not yet: before a whole window was
watched, too few of them are no reason to FAIL.
"""

from __future__ import annotations

from typing import cast

from gates.documents.quantities import format_duration
from gates.panes import Pane
from gates.policy import CoverageCheck
from gates.slis.check import CohortView, EvidenceView, PaneUse
from gates.slis.windowed import Windowed
from gates.text import percent
from gates.verdicts import Measurement, Verdict, VerdictKind


class Coverage(Windowed):
    """One `coverage` check. An emitter counts by a request or a heartbeat, of either cohort."""

    def __init__(self, name: str, definition: CoverageCheck) -> None:
        super().__init__(name, definition)
        self._expected = definition.expected
        self._least = definition.limit
        self._since: int | None = None

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Note when the watch began."""
        if self._since is None:
            self._since = pane.start

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL while too few emitters report."""
        arms, window = (view.candidate, view.baseline), view.candidate.window
        seen = [_emitters(arm) for arm in arms]
        found = self._outcome(view, len(seen[0] | seen[1]))
        measured = (
            Measurement(arm.window.requests, len(known) / self._expected) for arm, known in zip(arms, seen, strict=True)
        )
        return self.made(found, (window.start, window.end), *measured)

    def _outcome(self, view: EvidenceView, reporting: int) -> tuple[VerdictKind, str]:
        if view.broken:
            return VerdictKind.ERROR, "telemetry source broken: nobody reports"
        length = format_duration(view.candidate.window.length_ms)
        figures = f"{reporting} of {self._expected} emitters reported in {length}"
        if reporting < self._least * self._expected:
            if self._since is None or self._since > view.candidate.window.start:
                return VerdictKind.INCONCLUSIVE, f"{figures}, and that is not yet watched in full"
            return VerdictKind.FAIL, f"{figures}, fewer than {percent(self._least)}"
        return VerdictKind.PASS, figures

    @property
    def evidence(self) -> dict[str, object]:
        """When the watch began."""
        return {"since": self._since}

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None:
        self._since = cast("int | None", state["since"])


def _emitters(arm: CohortView) -> set[int]:
    return {emitter for _, cell in arm.window.panes() for emitter in cell.detail.emitters}
