"""What makes bad events come together: sessions, clients, and instances with storms, pauses and drifts of their own.

Each is a part of a scenario that is read strictly; `streams.offline.simulation.population` draws the traffic.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from gates.documents.readers import read_positive_share, whole_number
from streams.offline.simulation.fields import (
    Duration,
    Flag,
    ListOfParts,
    OptionalTime,
    ScenarioPart,
    Share,
    duration_up_to,
    number_between,
    one_of,
)

MOST_ERRORS, MOST_INSTANCES = 10_000, 1_000
LONGEST_SPREAD_MS = 600_000

PositiveShare = Annotated[float, PlainValidator(read_positive_share)]
PerHour = Annotated[float, PlainValidator(number_between(0.0, 3_600.0))]
Instances = Annotated[int, PlainValidator(whole_number(1, MOST_INSTANCES))]


class Sessions(ScenarioPart):
    """All errors come in broken sessions, each on one instance: `errors` of them on average.

    They are spread evenly over `spread` from the session's start on. `sizes` is how their number varies: not at all,
    evenly from 1 to twice the average less one, or geometrically. A session is of one user, or with `of` each of its
    errors is of another.
    """

    errors: Annotated[float, PlainValidator(number_between(1.0, MOST_ERRORS))] = Field(examples=[5])
    sizes: Annotated[Literal["fixed", "even", "geometric"], PlainValidator(one_of("fixed", "even", "geometric"))] = (
        "fixed"
    )
    of: Annotated[Literal["one user", "many users"], PlainValidator(one_of("one user", "many users"))] = "one user"
    spread_ms: Annotated[int, PlainValidator(duration_up_to(LONGEST_SPREAD_MS))] = Field(
        default=1_000, alias="spread", examples=["15s"]
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.sizes != "geometric" and self.errors != round(self.errors):
            raise ValueError("errors must be a whole number, unless sizes are geometric")
        return self


class Client(ScenarioPart):
    """A client, one user, that makes `rps` more requests a second for a time; the share `error_rate` of them fails.

    One comes at the time `at`, or many at random, `per_hour` of them. Each is sent to the candidate with the ordered
    share, by its hash, so that it moves there when the share grows; with `to_candidate` always. With `shape` the rates
    are those of a Pareto distribution of this shape, whose smallest value is `rps`.
    """

    rps: Annotated[float, PlainValidator(number_between(0.001, 1e6))] = Field(examples=[5])
    length_ms: Duration = Field(alias="length", examples=["2m"])
    at_ms: OptionalTime = Field(default=None, alias="at")
    per_hour: PerHour = 0.0
    error_rate: Share = 1.0
    shape: Annotated[float, PlainValidator(number_between(0.0, 100.0))] = 0.0
    to_candidate: Flag = False

    @model_validator(mode="after")
    def _comes_somehow(self) -> Self:
        if (self.at_ms is None) == (not self.per_hour):
            raise ValueError("write either `at`, for one client, or `per_hour`, for many")
        return self


class Storm(ScenarioPart):
    """Times at which one instance fails the share `error_rate` of its requests besides the usual errors.

    Each instance has `per_hour` of them at random, whatever the others have, and each lasts `length`.
    """

    per_hour: PerHour = Field(examples=[12])
    length_ms: Duration = Field(alias="length", examples=["5s"])
    error_rate: PositiveShare = 0.5


class Stall(ScenarioPart):
    """Times at which one instance stops, as for a garbage collection: once in each `every`, for `length`.

    The share `share` of the requests that arrive meanwhile waits for a uniform part of `wait` (None: of `length`).
    """

    every_ms: Duration = Field(alias="every", examples=["1m"])
    length_ms: Duration = Field(alias="length", examples=["1s"])
    share: PositiveShare = 1.0
    wait_ms: OptionalTime = Field(default=None, alias="wait")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.length_ms > self.every_ms:
            raise ValueError("a stall must end before the next one: write a length of at most every")
        return self


class Wander(ScenarioPart):
    """How instances differ from each other for a time: each has factors of its own, which change slowly.

    The logarithms are autoregressive (Ornstein-Uhlenbeck): their standard deviations are `errors`, `latency` and
    `metric`, and after `time` a deviation has shrunk to 37%. The mean factor is 1.
    """

    errors: Share = 0.0
    latency: Share = 0.0
    metric: Share = 0.0
    time_ms: Duration = Field(default=60_000, alias="time")


class Fleet(ScenarioPart):
    """The instances of both cohorts, which share its requests evenly; with `reported` events name their emitter."""

    candidate: Instances = 1
    baseline: Instances = 10
    reported: Flag = False
    storms: Annotated[tuple[Storm, ...], ListOfParts] = ()
    stalls: Annotated[tuple[Stall, ...], ListOfParts] = ()
    wander: Wander = Wander()


class MetricShape(ScenarioPart):
    """A number that each event carries: lognormal around `median`, `spread` being the deviation of the logarithm."""

    name: str = Field(examples=["cpu_ms"])
    median: Annotated[float, PlainValidator(number_between(0.001, 100.0))] = Field(default=20.0, examples=[20])
    spread: Annotated[float, PlainValidator(number_between(0.0, 3.0))] = 0.5
    zeros: Share = 0.0
