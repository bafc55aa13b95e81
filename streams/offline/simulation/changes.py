"""What can happen to a service, and how its cohorts do meanwhile.

Shares are fractions from 0 to 1, times are milliseconds since the start of the rollout (attributes end in `_ms`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from gates.documents.quantities import parse_duration, parse_share
from streams.offline.simulation.reading import flag, number, part, words

CANDIDATE, BASELINE = "candidate", "baseline"


def _some_time(value: object) -> int:
    ms = parse_duration(value)
    if not ms:
        raise ValueError("0s is no time at all: write at least 1ms")
    return ms


Time = Annotated[int, parse_duration]
MaybeTime = Annotated[int | None, parse_duration]
SomeTime = Annotated[int, _some_time]
Share = Annotated[float, parse_share]
MaybeShare = Annotated[float | None, parse_share]
Factor = Annotated[float, number(0.0, 1_000.0)]
Scale = Annotated[float, number(0.001, 1_000.0)]
Flag = Annotated[bool, flag]


@dataclass(frozen=True, slots=True)
class Latency:
    """Lognormal latencies around a median; a `tail` of them, as a share, around four times the median instead."""

    median_ms: SomeTime = 100
    spread: Annotated[float, number(0.0, 3.0)] = 0.5
    tail: Share = 0.03
    factor: float = 1.0


USUAL = Latency()


@dataclass(frozen=True, slots=True)
class Arm:
    """How one cohort does at some time."""

    error_rate: float
    latency: Latency


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to those it befalls; `tail_factor` multiplies the share of slow-tail requests."""

    error_ratio: Factor = 1.0
    error_rate: MaybeShare = None
    latency_factor: Scale = 1.0
    tail_factor: Factor = 1.0

    def on(self, arm: Arm) -> Arm:
        """The cohort with this effect on it."""
        rate = arm.error_rate * self.error_ratio if self.error_rate is None else self.error_rate
        latency = replace(
            arm.latency,
            factor=arm.latency.factor * self.latency_factor,
            tail=min(1.0, arm.latency.tail * self.tail_factor),
        )
        return Arm(min(1.0, rate), latency)

    def worsens(self, arm: Arm) -> bool:
        """Whether a cohort is worse off with it."""
        after = self.on(arm)
        slower = after.latency.factor > arm.latency.factor or after.latency.tail > arm.latency.tail
        return slower or after.error_rate > arm.error_rate


NO_EFFECT = Effect()
DOWN = Effect(error_rate=1.0)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happens at `at_ms`, until `until_ms` (None: to the end).

    `candidate` and `both` say what it does to the one or to both; `down`: every request of the candidate fails.
    Of the `silent` cohorts, and of all in an `outage`, nothing is heard, while they serve as before.
    """

    at_ms: Time
    until_ms: MaybeTime = None
    candidate: Annotated[Effect, part(Effect)] = NO_EFFECT
    both: Annotated[Effect, part(Effect)] = NO_EFFECT
    rps_factor: Factor = 1.0
    silent: Annotated[tuple[str, ...], words(CANDIDATE, BASELINE)] = ()
    outage: Flag = False
    down: Flag = False

    def __post_init__(self) -> None:
        if self.until_ms is not None and self.until_ms <= self.at_ms:
            raise ValueError("a change ends after it began: write an until later than at")

    def lasts(self, ms: int) -> bool:
        """Whether it is in force at this time."""
        return self.at_ms <= ms and (self.until_ms is None or ms < self.until_ms)
