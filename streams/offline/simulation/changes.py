"""What can happen to a service, and how its cohorts behave meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Self

from pydantic import Field, PlainValidator, model_validator

from streams.offline.simulation.fields import (
    Factor,
    Flag,
    OptionalShare,
    OptionalTime,
    PositiveFactor,
    ScenarioPart,
    Time,
    some_of,
)
from streams.offline.simulation.latencies import LatencyProfile

CANDIDATE, BASELINE = "candidate", "baseline"


@dataclass(frozen=True, slots=True)
class CohortTraffic:
    """How one cohort behaves at some time."""

    error_rate: float
    latency: LatencyProfile


class Effect(ScenarioPart):
    """What a change does to a cohort; `tail_factor` multiplies the share of slow-tail requests."""

    error_ratio: Factor = 1.0
    error_rate: OptionalShare = None
    latency_factor: PositiveFactor = 1.0
    tail_factor: Factor = 1.0

    def applied_to(self, traffic: CohortTraffic) -> CohortTraffic:
        """The cohort with this effect."""
        rate = traffic.error_rate * self.error_ratio if self.error_rate is None else self.error_rate
        latency = replace(
            traffic.latency,
            factor=traffic.latency.factor * self.latency_factor,
            tail=min(1.0, traffic.latency.tail * self.tail_factor),
        )
        return CohortTraffic(min(1.0, rate), latency)

    def worsens(self, traffic: CohortTraffic) -> bool:
        """Whether a cohort is worse with it than without."""
        after = self.applied_to(traffic)
        slower = after.latency.factor > traffic.latency.factor or after.latency.tail > traffic.latency.tail
        return slower or after.error_rate > traffic.error_rate


NO_EFFECT = Effect()
DOWN = Effect(error_rate=1.0)


class Change(ScenarioPart):
    """Something that happens from `at_ms` until `until_ms` (None: until the end).

    `candidate` and `both` are the effects on the one and on both cohorts; with `down` every request of the candidate
    fails. The `silent` cohorts, and in an `outage` both, serve requests as before while their telemetry is lost.
    """

    at_ms: Time = Field(alias="at", examples=["5m"])
    until_ms: OptionalTime = Field(default=None, alias="until")
    candidate: Effect = NO_EFFECT
    both: Effect = NO_EFFECT
    rps_factor: Factor = 1.0
    silent: Annotated[tuple[str, ...], PlainValidator(some_of(CANDIDATE, BASELINE))] = ()
    outage: Flag = False
    down: Flag = False

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until_ms is not None and self.until_ms <= self.at_ms:
            raise ValueError("a change must end after it begins: write an until later than at")
        return self

    def is_active(self, ms: int) -> bool:
        """Whether it is in force at this time."""
        return self.at_ms <= ms and (self.until_ms is None or ms < self.until_ms)
