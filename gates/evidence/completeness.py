"""How much of a stage's telemetry arrived in time: what an advance needs, whatever the checks find.

Two things can be missing: events that arrived after their pane was closed, and whole panes for which a source
partition had not reported.
"""

from __future__ import annotations

from dataclasses import dataclass

from gates.panes import Pane


@dataclass(slots=True)
class Completeness:
    """Counts since the stage was ordered; `trusted_at` is the end of the last pane that an advance could rely on."""

    trusted_at: int
    panes: int = 0
    complete_panes: int = 0
    applied: int = 0
    late: int = 0

    def observe(self, pane: Pane, requests: int, least: float) -> bool:
        """Add one pane with the `requests` of both cohorts; whether it can be trusted, at `least` so much in time."""
        self.panes += 1
        self.complete_panes += pane.complete
        self.applied += requests
        self.late += pane.late
        # An incomplete pane is not trusted however good the stage's share is: its counts may lack a whole partition.
        trusted = pane.complete and self.on_time >= least
        if trusted:
            self.trusted_at = pane.end
        return trusted

    @property
    def on_time(self) -> float:
        """Share of the stage's events that arrived in time."""
        return self.applied / (self.applied + self.late) if self.applied + self.late else 1.0

    @property
    def share(self) -> float:
        """Share of the stage's panes that were complete, times the share of its events that arrived in time."""
        return self.on_time * (self.complete_panes / self.panes if self.panes else 1.0)
