"""What simulated traffic is like: a healthy service, and what happens to it when.

A scenario is a mapping, as YAML or JSON have it; docs/simulate.md lists its keys. `Scenario.parse` reads it strictly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sin
from typing import Annotated, Self

from streams.offline.simulation.changes import (
    BASELINE,
    CANDIDATE,
    DOWN,
    USUAL,
    Arm,
    Change,
    Factor,
    Flag,
    Latency,
    Share,
    SomeTime,
)
from streams.offline.simulation.reading import number, part, parts, read


@dataclass(frozen=True, slots=True)
class Sine:
    """A wave of the error rate: up and down by the share `amplitude` of it."""

    period_ms: SomeTime
    amplitude: Share


@dataclass(frozen=True, slots=True)
class Drift:
    """How the error rate of both wanders: a wave, and a straight line to `ramp` times the rate at the end."""

    sine: Annotated[Sine, part(Sine)] = Sine(1, 0.0)
    ramp: Factor = 1.0

    def factor(self, ms: int, duration_ms: int) -> float:
        """How many times the error rate, at this time."""
        wave = 1.0 + self.sine.amplitude * sin(2.0 * pi * ms / self.sine.period_ms)
        return wave * (1.0 + (self.ramp - 1.0) * ms / duration_ms)


@dataclass(frozen=True, slots=True)
class Conditions:
    """How everything is at some time; `heard` are the cohorts whose telemetry arrives."""

    rps: float
    candidate: Arm
    baseline: Arm
    heard: frozenset[str] = frozenset((CANDIDATE, BASELINE))
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """Simulated traffic; `rps` are the requests a second of both cohorts together.

    `clusters` is the variance of the number of errors over its mean: 1 where each request fails for itself.
    `share_factor` is the candidate's share of the traffic over the one wanted. With `users`, events carry user ids.
    """

    rps: Annotated[float, number(0.001, 1e7)] = 1_000.0
    duration_ms: SomeTime = 1_800_000
    error_rate: Share = 0.005
    latency: Annotated[Latency, part(Latency)] = USUAL
    changes: Annotated[tuple[Change, ...], parts(Change)] = ()
    drift: Annotated[Drift, part(Drift)] = Drift()
    clusters: Annotated[float, number(1.0, 1_000.0)] = 1.0
    share_factor: Factor = 1.0
    users: Flag = False

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read a scenario from a mapping; what it leaves out has its default.

        Raises:
            ValueError: an unknown key, or a value that cannot be; the message says where.
        """
        return read(cls, document)

    @property
    def harmful_at_ms(self) -> int | None:
        """When the candidate first becomes worse than it would be without a change; None: it never does."""
        arm = Arm(self.error_rate, self.latency)
        harms = [each.at_ms for each in self.changes if each.down or each.candidate.worsens(arm)]
        return min((at_ms for at_ms in harms if at_ms < self.duration_ms), default=None)

    @property
    def harmful(self) -> bool:
        """Whether the candidate is bad at some time, so that it should be rolled back."""
        return self.harmful_at_ms is not None

    def at(self, ms: int) -> Conditions:
        """How everything is at this time."""
        rate = min(1.0, self.error_rate * self.drift.factor(ms, self.duration_ms))
        candidate = baseline = Arm(rate, self.latency)
        rps, outage, silent = self.rps, False, frozenset[str]()
        for change in self.changes:
            if change.lasts(ms):
                baseline = change.both.on(baseline)
                candidate = change.candidate.on(change.both.on(candidate))
                candidate = DOWN.on(candidate) if change.down else candidate
                rps *= change.rps_factor
                outage = outage or change.outage
                silent |= set(change.silent)
        return Conditions(rps, candidate, baseline, frozenset((CANDIDATE, BASELINE)) - silent, outage)
