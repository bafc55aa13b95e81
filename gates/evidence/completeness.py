"""How much of a stage's telemetry was counted: what an advance needs, whatever the checks find.

Two things can be missing: events of a cohort, and whole panes for which a source partition had not reported. Events
count by cohort, because a candidate has a small share of the traffic: even if all of its failures were missing, hardly
any of the stage's events would be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gates.panes import Pane
from gates.telemetry import CohortTelemetry


@dataclass(slots=True)
class Completeness:
    """Counts since the stage was ordered; `trusted_at` is the end of the last pane that an advance could rely on.

    `needed` are the cohorts that the stage cannot do without: the least complete of them decides. It is empty under the
    rules of older epochs, where the late events of all cohorts count together.
    """

    trusted_at: int
    needed: tuple[str, ...]
    cohorts: dict[str, CohortTelemetry]
    panes: int = 0
    complete_panes: int = 0

    @classmethod
    def begin(cls, ordered_at: int, cohorts: Iterable[str], needed: tuple[str, ...]) -> Completeness:
        """The completeness of a stage without panes."""
        return cls(ordered_at, needed, {name: CohortTelemetry() for name in cohorts})

    def observe(self, pane: Pane, least: float) -> bool:
        """Add one pane; returns whether it can be trusted, at `least` so much of the events on time."""
        self.panes += 1
        self.complete_panes += pane.complete
        for name, known in self.cohorts.items():
            self.cohorts[name] = known.with_pane(pane, name)
        # An incomplete pane is not trusted however good the stage's share is: its counts may lack a whole partition.
        trusted = pane.complete and self.on_time >= least
        if trusted:
            self.trusted_at = pane.end
        return trusted

    @property
    def least_complete(self) -> str | None:
        """The cohort that decides; None where all count together."""
        return min(self.needed, key=lambda name: self.cohorts[name].completeness, default=None)

    @property
    def on_time(self) -> float:
        """Share of the stage's events that were counted."""
        decisive = self.least_complete
        if decisive is not None:
            return self.cohorts[decisive].completeness
        applied = sum(known.on_time for known in self.cohorts.values())
        late = sum(known.late for known in self.cohorts.values())
        return applied / (applied + late) if applied + late else 1.0

    @property
    def share(self) -> float:
        """Share of the stage's panes that were complete, times the share of its events that were counted."""
        return self.on_time * (self.complete_panes / self.panes if self.panes else 1.0)
