"""What became of one cohort's events in a stage: how many were counted, and how many are missing and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from gates.panes import Pane

WHY_MISSING: Mapping[str, str] = {
    "late": "arrived too late",
    "unreadable": "could not be read",
    "refused": "were refused for lack of room",
    "clamped": "had times too far ahead",
}
"""What is wrong with a missing event, by the causes of `CohortTelemetry.missing`."""

CHANCE = 3.0
"""Standard deviations by which a short time may have more missing events than allowed."""

LEAST_MISSING = 3
"""Fewer missing events show nothing about a short time."""


@dataclass(frozen=True, slots=True)
class CohortTelemetry:
    """Events of one cohort in some time.

    `on_time` were counted in a pane, but `clamped` of them not in their own, because their time lay too far ahead.
    `late` arrived after their pane was closed, `unreadable` could be read only for their rollout and cohort, and
    `refused` found no room while they were counted.
    """

    on_time: int = 0
    late: int = 0
    unreadable: int = 0
    refused: int = 0
    clamped: int = 0

    def with_pane(self, pane: Pane, cohort: str) -> CohortTelemetry:
        """These counts and those of one more pane."""
        cell = pane.cell(cohort)
        return CohortTelemetry(
            self.on_time + cell.requests,
            self.late + pane.late.get(cohort, 0),
            self.unreadable + cell.unreadable,
            self.refused + pane.refused.get(cohort, 0),
            self.clamped + cell.clamped,
        )

    def plus(self, other: CohortTelemetry) -> CohortTelemetry:
        """These counts and the others."""
        return CohortTelemetry(
            self.on_time + other.on_time,
            self.late + other.late,
            self.unreadable + other.unreadable,
            self.refused + other.refused,
            self.clamped + other.clamped,
        )

    def lacks(self, least: float) -> bool:
        """Whether more is missing than `least` allows, by more than chance, so that a few odd events decide nothing."""
        missing, allowed = self.events - self.on_time + self.clamped, (1.0 - least) * self.events
        return missing > allowed + CHANCE * sqrt(allowed * least) and missing >= LEAST_MISSING

    @property
    def events(self) -> int:
        """All events of the cohort, counted or not."""
        return self.on_time + self.late + self.unreadable + self.refused

    @property
    def missing(self) -> dict[str, int]:
        """How many events are not counted where they belong, by cause."""
        return dict(zip(WHY_MISSING, (self.late, self.unreadable, self.refused, self.clamped), strict=True))

    @property
    def completeness(self) -> float:
        """The share of the events that were counted where they belong; 1 without any event."""
        return (self.on_time - self.clamped) / self.events if self.events else 1.0

    def document(self) -> dict[str, object]:
        """The counts as they stand in a status."""
        return {"requests": self.on_time, **self.missing, "completeness": self.completeness}


NO_EVENTS = CohortTelemetry()
"""Of a cohort that has had no events."""
