"""How much of a stage's telemetry was counted: what an advance needs, whatever the checks find.

Two things can be missing: events of a cohort, and whole panes for which a source partition had not reported. Events
count by cohort, because a candidate has a small share of the traffic: even if all of its failures were missing, hardly
any of the stage's events would be. They count in the last minute as well as in the stage: an hour of complete telemetry
must not hide that a candidate has begun to fail in a way that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gates.panes import Pane
from gates.telemetry import NO_EVENTS, CohortTelemetry

RECENT_MS = 30_000
"""The last one to two times this long must be complete too."""


@dataclass(slots=True)
class RecentTelemetry:
    """Each cohort's events of the last `RECENT_MS` to twice as long: the `current` such time, and the one before."""

    since: int
    current: dict[str, CohortTelemetry] = field(default_factory=dict)
    before: dict[str, CohortTelemetry] = field(default_factory=dict)

    def observe(self, pane: Pane, cohorts: Iterable[str]) -> None:
        """Add one pane."""
        if pane.start - self.since >= RECENT_MS:
            self.since, self.before, self.current = pane.start, self.current, {}
        for name in cohorts:
            self.current[name] = self.current.get(name, NO_EVENTS).with_pane(pane, name)

    def get(self, cohort: str) -> CohortTelemetry:
        """The cohort's events."""
        return self.before.get(cohort, NO_EVENTS).plus(self.current.get(cohort, NO_EVENTS))


@dataclass(slots=True)
class Completeness:
    """Counts since the stage was ordered; `trusted_at` is the end of the last pane that an advance could rely on.

    `needed` are the cohorts that the stage cannot do without: the least complete of them decides. It is empty under the
    rules of older epochs, where the late events of all cohorts count together.
    """

    trusted_at: int
    needed: tuple[str, ...]
    cohorts: dict[str, CohortTelemetry]
    recent: RecentTelemetry
    panes: int = 0
    complete_panes: int = 0
    lately: tuple[str, CohortTelemetry] | None = None
    """The cohort of which too much is missing in the last minute, and its events of that time."""

    @classmethod
    def begin(cls, ordered_at: int, cohorts: Iterable[str], needed: tuple[str, ...]) -> Completeness:
        """The completeness of a stage without panes."""
        return cls(ordered_at, needed, dict.fromkeys(cohorts, NO_EVENTS), RecentTelemetry(ordered_at))

    def observe(self, pane: Pane, least: float) -> bool:
        """Add one pane; returns whether it can be trusted, at `least` so much of the events on time."""
        self.panes += 1
        self.complete_panes += pane.complete
        for name, known in self.cohorts.items():
            self.cohorts[name] = known.with_pane(pane, name)
        self.recent.observe(pane, self.needed)
        recent = ((name, self.recent.get(name)) for name in self.needed)
        self.lately = next(((name, events) for name, events in recent if events.lacks(least)), None)
        # An incomplete pane is not trusted however good the stage's share is: its counts may lack a whole partition.
        trusted = pane.complete and self.lately is None and self.on_time >= least
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
