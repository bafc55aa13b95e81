"""What became of one cohort's events in a stage: how many were counted, and how many are missing and why."""

from __future__ import annotations

from dataclasses import dataclass

from gates.panes import Pane


@dataclass(frozen=True, slots=True)
class CohortTelemetry:
    """Events of one cohort since the stage was ordered.

    `on_time` were counted in their pane, `late` arrived after it was closed.
    """

    on_time: int = 0
    late: int = 0

    def with_pane(self, pane: Pane, cohort: str) -> CohortTelemetry:
        """These counts and those of one more pane."""
        return CohortTelemetry(self.on_time + pane.cell(cohort).requests, self.late + pane.late.get(cohort, 0))

    @property
    def events(self) -> int:
        """All events of the cohort, counted or not."""
        return self.on_time + self.late

    @property
    def completeness(self) -> float:
        """The share of the events that were counted where they belong; 1 without any event."""
        return self.on_time / self.events if self.events else 1.0

    def document(self) -> dict[str, object]:
        """The counts as they stand in a status."""
        return {"requests": self.on_time, "late": self.late, "completeness": self.completeness}
