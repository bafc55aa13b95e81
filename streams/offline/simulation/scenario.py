"""What simulated traffic is like: a healthy service, and what happens to it when.

A scenario is a mapping, as in YAML or JSON; docs/simulate.md lists its keys. `Scenario.parse` reads it strictly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sin
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, PlainValidator, ValidationError, model_validator

from gates.documents.faults import faults_in_words
from streams.offline.simulation.changes import BASELINE, CANDIDATE, DOWN, Change, CohortTraffic, Effect
from streams.offline.simulation.fields import (
    Duration,
    Factor,
    Flag,
    ListOfParts,
    ScenarioPart,
    Share,
    number_between,
    one_of,
)
from streams.offline.simulation.latencies import LatencyProfile
from streams.offline.simulation.together import Client, Fleet, MetricShape, Sessions, Stall, Storm, Wander


class Sine(ScenarioPart):
    """A wave of the error rate, up and down by the share `amplitude` of it."""

    period_ms: Duration = Field(alias="period", examples=["10m"])
    amplitude: Share = Field(examples=["50%"])


NO_WAVE = Sine.model_construct(period_ms=1, amplitude=0.0)


class Drift(ScenarioPart):
    """How the error rate of both cohorts drifts: a wave, and a straight line to `ramp` times the rate at the end."""

    sine: Sine = NO_WAVE
    ramp: Factor = 1.0

    def factor(self, ms: int, duration_ms: int) -> float:
        """How many times the error rate, at this time."""
        wave = 1.0 + self.sine.amplitude * sin(2.0 * pi * ms / self.sine.period_ms)
        return wave * (1.0 + (self.ramp - 1.0) * ms / duration_ms)


class UsualLatency(ScenarioPart):
    """The latencies of a healthy service; see `LatencyProfile`."""

    median_ms: Duration = Field(default=100, alias="median")
    spread: Annotated[float, PlainValidator(number_between(0.0, 3.0))] = 0.5
    tail: Share = 0.03
    rounded_ms: Duration = Field(default=0, alias="rounded", examples=["1ms"])
    zeros: Share = 0.0

    @property
    def profile(self) -> LatencyProfile:
        """The distribution."""
        return LatencyProfile(self.median_ms, self.spread, self.tail, rounded_ms=self.rounded_ms, zeros=self.zeros)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The traffic at some time; `reporting` are the cohorts whose telemetry arrives."""

    rps: float
    candidate: CohortTraffic
    baseline: CohortTraffic
    reporting: frozenset[str] = frozenset((CANDIDATE, BASELINE))
    outage: bool = False


class Scenario(ScenarioPart):
    """Simulated traffic; `rps` are the requests per second of both cohorts together.

    `clusters` is the variance of the number of errors over its mean: 1 if requests fail independently; `sessions`
    describes more exactly how errors come together. `share_factor` is the candidate's share of the traffic over the
    ordered one. With `users`, events carry user ids. With `arrivals: even`, requests come at even distances, and the
    cohorts take turns by their shares.
    """

    rps: Annotated[float, PlainValidator(number_between(0.001, 1e7))] = 1_000.0
    duration_ms: Duration = Field(default=1_800_000, alias="duration")
    error_rate: Share = 0.005
    latency: UsualLatency = UsualLatency()
    changes: Annotated[tuple[Change, ...], ListOfParts] = ()
    drift: Drift = Drift()
    clusters: Annotated[float, PlainValidator(number_between(1.0, 1_000.0))] = 1.0
    share_factor: Factor = 1.0
    users: Flag = False
    arrivals: Annotated[Literal["random", "even"], PlainValidator(one_of("random", "even"))] = "random"
    sessions: Sessions | None = None
    clients: Annotated[tuple[Client, ...], ListOfParts] = ()
    instances: Fleet | None = None
    metric: MetricShape | None = None

    @model_validator(mode="after")
    def _clusters_once(self) -> Self:
        if self.sessions is not None and self.clusters != 1.0:
            raise ValueError("write either `clusters` or `sessions`: both are about how errors come together")
        return self

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read a scenario from a mapping; a key that is missing has its default.

        Raises:
            ValueError: unknown keys or invalid values; the message has a line for each, with its path.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            faults = [f"{fault.path or 'scenario'}: {fault.message}" for fault in faults_in_words(error, MODELS)]
            raise ValueError("\n".join(faults)) from None

    @property
    def is_structured(self) -> bool:
        """Whether requests differ by user, by instance or by metric, and not by cohort alone."""
        return bool(self.users or self.sessions or self.clients or self.instances or self.metric)

    @property
    def broken_sessions(self) -> Sessions | None:
        """How errors come together, where requests are structured; None if they do not.

        A geometric size of mean m has E[K^2]/E[K] = 2m - 1, which is the variance over the mean of the errors.
        """
        if self.clusters == 1.0:
            return self.sessions
        return Sessions.model_validate({"errors": (self.clusters + 1.0) / 2.0, "sizes": "geometric", "spread": "1ms"})

    @property
    def healthy(self) -> CohortTraffic:
        """A cohort to which nothing happens."""
        return CohortTraffic(self.error_rate, self.latency.profile)

    @property
    def harmful_at_ms(self) -> int | None:
        """When the candidate first becomes worse than without a change; None if it never does."""
        harms = [each.at_ms for each in self.changes if each.down or each.candidate.worsens(self.healthy)]
        return min((at_ms for at_ms in harms if at_ms < self.duration_ms), default=None)

    @property
    def harmful(self) -> bool:
        """Whether the candidate is bad at some time, so that it should be rolled back."""
        return self.harmful_at_ms is not None

    def at(self, ms: int) -> Conditions:
        """The traffic at this time."""
        rate = min(1.0, self.error_rate * self.drift.factor(ms, self.duration_ms))
        candidate = baseline = CohortTraffic(rate, self.latency.profile)
        rps, outage, silent = self.rps, False, frozenset[str]()
        for change in self.changes:
            if change.is_active(ms):
                baseline = change.both.applied_to(baseline)
                candidate = change.candidate.applied_to(change.both.applied_to(candidate))
                candidate = DOWN.applied_to(candidate) if change.down else candidate
                rps *= change.rps_factor
                outage = outage or change.outage
                silent |= set(change.silent)
        return Conditions(rps, candidate, baseline, frozenset((CANDIDATE, BASELINE)) - silent, outage)


MODELS: Mapping[str, type[BaseModel]] = {
    "": Scenario,
    "latency": UsualLatency,
    "drift": Drift,
    "sine": Sine,
    "changes": Change,
    "candidate": Effect,
    "both": Effect,
    "sessions": Sessions,
    "clients": Client,
    "instances": Fleet,
    "storms": Storm,
    "stalls": Stall,
    "wander": Wander,
    "metric": MetricShape,
}
"""The model behind each key, for the messages about unknown and missing keys."""
