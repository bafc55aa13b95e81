"""The parts of a policy beside its checks: cohorts, stages, and how the gate decides."""

from typing import Annotated, Literal

from pydantic import Field

from gates.documents.fields import (
    GIVEN,
    Alpha,
    Count,
    DurationMs,
    Name,
    OptionalActuatorNames,
    OptionalDispersion,
    OptionalDurationMs,
    OptionalShare,
    OptionalSwitch,
    Share,
    Switch,
    Text,
    Tries,
)
from gates.documents.quantities import parse_duration
from gates.policy.rules import DEFAULT_HOLD_AFTER, DEFAULT_PAUSE_AFTER
from gates.slis.definition import Part


class Cohorts(Part):
    """The two cohorts, by the names that events carry."""

    baseline: Text = Field(examples=["stable"], description="The version that already serves traffic.")
    candidate: Text = Field(examples=["canary"], description="The version that is being released.")

    def document(self) -> dict[str, str]:
        """Return both names, as decisions and statuses have them."""
        return {"baseline": self.baseline, "candidate": self.candidate}


class Stage(Part):
    """One step: the candidate's share of traffic (`weight`) and the minimum time to spend there (`bake_ms`).

    A stage that has not passed `timeout_ms` after it was ordered is paused for a person to look at. For `warmup_ms`
    after the weights are confirmed nothing is compared or counted as baked, because caches are cold. Every required
    check must PASS on `passes` panes in a row, and with `approval` a person must approve, before the stage ends. With
    `proof: false` a comparison PASSes unless something speaks against the candidate: for traffic too thin to show that
    it is good. Its default is not written out, so that policies of before it keep their hash.
    """

    name: Name = Field(examples=["canary"], description="The name of the stage in decisions.")
    weight: Share = Field(examples=["1%"], description="The candidate's share of traffic.")
    bake_ms: DurationMs = Field(
        alias="bake",
        examples=["5m"],
        description="The minimum time in the stage, in event time; holds, pauses and the warm-up do not count.",
    )
    timeout_ms: OptionalDurationMs = Field(
        default=None,
        alias="timeout",
        examples=["2h"],
        description="A stage that has not passed this long after its order is paused, and a person is paged.",
    )
    warmup_ms: OptionalDurationMs = Field(
        default=None,
        alias="warmup",
        examples=["30s"],
        description="The time after the confirmation in which nothing is compared or counted as baked; limits apply.",
    )
    passes: Count = Field(
        default=1, examples=[5], description="The number of panes in a row on which every required check must PASS."
    )
    approval: Switch = Field(
        default=False, examples=[True], description="Whether a person must approve before the stage ends."
    )
    proof: OptionalSwitch = Field(
        default=None,
        examples=[False],
        description="Whether the candidate must be shown to be good before the stage ends; true if missing. With "
        "false, comparisons pass at the end of the bake unless evidence speaks against the candidate.",
    )

    @property
    def proves(self) -> bool:
        """Whether the candidate must be shown to be good before the stage ends."""
        return self.proof is not False


class Confidence(Part):
    """How often the comparisons may be wrong.

    `rollback` bounds all of them together, over a whole rollout, for a healthy candidate. `advance` bounds each, in one
    stage, for a candidate that is not good enough. `dispersion` is the variance of error counts, divided by that of
    independent errors: 1 where errors are independent. Where events carry a `user` it is measured as well, and the
    larger value applies; without it, it is measured only.
    """

    rollback: Alpha = Field(
        default=0.01,
        examples=["1%"],
        description="The probability that the comparisons together roll back a healthy candidate in a whole rollout.",
    )
    advance: Alpha = Field(
        default=0.05,
        examples=["5%"],
        description="The probability that a comparison passes, in a stage, a candidate that is not good enough.",
    )
    dispersion: OptionalDispersion = Field(
        default=None,
        examples=[4],
        description="How errors come together, measured if missing: for how many seconds, and the variance of their "
        "counts, divided by that of independent errors. 1 states that they are independent.",
    )


class RollbackOn(Part):
    """In how many families of standard checks evidence is needed before the rollout rolls back."""

    failing: Count = Field(
        default=1, examples=[2], description="The number of families of checks in which the candidate must be worse."
    )


class DataQuality(Part):
    """What makes the data untrustworthy: a reason to hold the rollout, and never one to roll it back.

    `sample_ratio`: whether users must be split as the weights order. `contamination`: the share of users that may be
    seen in both cohorts within a stage. `unknown_cohorts`: the share of requests that may name neither cohort. `split`:
    by how much the candidate's share of the requests may differ from the ordered weight. Its default is not written
    out, so that policies of before it keep their hash.
    """

    sample_ratio: Switch = Field(
        default=True, examples=[True], description="Whether users must be split as the weights order."
    )
    contamination: Share = Field(
        default=0.01,
        examples=["1%"],
        description="The share of users that may be seen in both cohorts within a stage.",
    )
    unknown_cohorts: Share = Field(
        default=0.01, examples=["1%"], description="The share of requests that may name neither cohort."
    )
    split: OptionalShare = Field(
        default=None,
        examples=["50%"],
        description="By how much the candidate's share of the requests may differ from the weight, as a share of the "
        "smaller cohort's weight; 50% if missing, and 100% switches the rule off.",
    )


class NoData(Part):
    """How long a cohort may have no requests, in event time, before the rollout holds and then pauses."""

    hold_after_ms: DurationMs = Field(
        default=parse_duration(DEFAULT_HOLD_AFTER),
        alias="hold_after",
        examples=["30s"],
        description="Hold when a cohort has had no requests, or telemetry has been incomplete, for this long.",
    )
    pause_after_ms: DurationMs = Field(
        default=parse_duration(DEFAULT_PAUSE_AFTER),
        alias="pause_after",
        examples=["5m"],
        description="Pause, and page a person, when a cohort has had no requests for this long.",
    )


class PauseRules(Part):
    """What happens while a rollout is paused, and nobody ends the pause. Times are worker time, not event time.

    The page is repeated every `remind_after_ms`. `deadline_ms` after the pause began the gate does what `then` orders;
    one is not written without the other. The keys have no defaults: without them a pause waits for an operator.
    """

    remind_after_ms: OptionalDurationMs = Field(
        default=None,
        alias="remind_after",
        examples=["4h"],
        description="Page a person again whenever the rollout has been paused for this long since the last page.",
    )
    deadline_ms: OptionalDurationMs = Field(
        default=None,
        alias="deadline",
        examples=["24h"],
        description="The longest time that a pause waits for an operator; after it, `then` applies.",
    )
    then: Annotated[Literal["rollback", "resume"] | None, GIVEN] = Field(
        default=None, examples=["rollback"], description="What the gate does at the deadline."
    )


class Commands(Part):
    """How long a command may stay unacknowledged before it is sent again, and how often it is sent in all."""

    ack_within_ms: DurationMs = Field(
        default=10_000, alias="ack_within", examples=["10s"], description="The time to wait for an ack before a retry."
    )
    tries: Tries = Field(
        default=5, examples=[5], description="The number of times to send an order before a person is paged."
    )
    actuators: OptionalActuatorNames = Field(
        default=None,
        examples=[["haproxy-eu", "haproxy-us"]],
        description="The actuators that must all confirm an order; without it, one confirmation is enough.",
    )
