"""The policy of a rollout: its cohorts, stages and checks.

A policy is frozen and parsed once, by `Policy.parse`, which reports every fault at once. Durations
are whole milliseconds (attributes end in `_ms`), shares are fractions from 0 to 1.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from gates.documents.faults import PolicyError, PolicyFault, faults_in_words
from gates.documents.fields import (
    MOST_CHECKS,
    MOST_STAGES,
    WRITTEN_MAPPING,
    Alpha,
    Count,
    DurationMs,
    LabelValue,
    Name,
    OptionalDispersion,
    OptionalDurationMs,
    OptionalText,
    OptionalUrl,
    PaneMs,
    RolloutId,
    Share,
    Switch,
    Text,
    Tries,
    at_most,
    frozen_mapping,
)
from gates.documents.quantities import parse_duration, shown
from gates.documents.schema import schema_of
from gates.policy.rules import (
    BUDGET,
    DEFAULT_HOLD_AFTER,
    DEFAULT_PANE,
    DEFAULT_PAUSE_AFTER,
    rule_faults,
)
from gates.slis.budget import Budget
from gates.slis.definition import Judged, Part
from gates.slis.registry import CHECK_MODELS, TaggedCheck

POLICY_SCHEMA = "sluicegate.policy/v1"
MOST_LABELS = 32


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
    check must PASS on `passes` panes in a row, and with `approval` a person must approve, before the stage ends.
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
        description="The variance of error counts, divided by that of independent errors; measured if missing.",
    )


class RollbackOn(Part):
    """In how many families of standard checks evidence is needed before the rollout rolls back."""

    failing: Count = Field(
        default=1, examples=[2], description="The number of families of checks in which the candidate must be worse."
    )


class DataQuality(Part):
    """What makes the data untrustworthy: a reason to hold the rollout, and never one to roll it back.

    `sample_ratio`: whether users must be split as the weights order. `contamination`: the share of users that may be
    seen in both cohorts within a stage. `unknown_cohorts`: the share of requests that may name neither cohort.
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


class Commands(Part):
    """How long a command may stay unacknowledged before it is sent again, and how often it is sent in all."""

    ack_within_ms: DurationMs = Field(
        default=10_000, alias="ack_within", examples=["10s"], description="The time to wait for an ack before a retry."
    )
    tries: Tries = Field(
        default=5, examples=[5], description="The number of times to send an order before a person is paged."
    )


def _some_stages(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    if not stages:
        raise ValueError("is empty; write at least one stage, such as `{name: canary, weight: 1%, bake: 5m}`")
    return stages


def _some_checks(checks: Mapping[str, TaggedCheck]) -> Mapping[str, TaggedCheck]:
    if not checks:
        raise ValueError("is empty; write at least one check, because a rollout without checks is never judged")
    return frozen_mapping(checks)


class Policy(Part):
    """Everything that the gate uses to judge one rollout. Make one with `Policy.parse` only.

    `min_requests` is per cohort and stage, `min_completeness` the share of the telemetry that must have arrived; both
    are needed before any check may PASS. `checks` and `labels` iterate in the order of their names, so that policies of
    equal hash are judged alike to the byte.
    """

    schema_: Literal["sluicegate.policy/v1"] = Field(
        alias="schema", examples=[POLICY_SCHEMA], description="The version of this format."
    )
    rollout: RolloutId = Field(examples=["checkout-v2"], description="The id of the rollout, which events carry.")
    owner: OptionalText = Field(default=None, examples=["payments"], description="Whom to ask; part of each decision.")
    runbook: OptionalUrl = Field(
        default=None,
        examples=["https://wiki.example/runbook"],
        description="The web address of what to do when the rollout pages; part of each decision.",
    )
    labels: Annotated[
        Mapping[Text, LabelValue], at_most(MOST_LABELS), AfterValidator(frozen_mapping), WRITTEN_MAPPING
    ] = Field(
        default_factory=lambda: frozen_mapping({}),
        json_schema_extra={"maxProperties": MOST_LABELS},
        description="Labels of your own, up to 32; part of each decision.",
    )
    cohorts: Cohorts = Field(
        examples=[{"baseline": "stable", "candidate": "canary"}], description="The two cohorts that are compared."
    )
    pane_ms: PaneMs = Field(
        default=parse_duration(DEFAULT_PANE),
        alias="pane",
        examples=["1s"],
        description="The step of event time in which the rollout is measured and judged: whole seconds, 1s to 1m.",
    )
    stages: Annotated[tuple[Stage, ...], at_most(MOST_STAGES), AfterValidator(_some_stages)] = Field(
        examples=[[{"name": "canary", "weight": "1%", "bake": "5m"}]],
        json_schema_extra={"minItems": 1, "maxItems": MOST_STAGES},
        description="The stages in order, each with a larger weight than the one before.",
    )
    checks: Annotated[
        Mapping[Name, TaggedCheck], at_most(MOST_CHECKS), AfterValidator(_some_checks), WRITTEN_MAPPING
    ] = Field(
        examples=[{"errors": {"sli": "error_rate", "limit": "5%"}}],
        json_schema_extra={"minProperties": 1, "maxProperties": MOST_CHECKS, "additionalProperties": False},
        description="The checks by name; critical and standard ones must PASS before a stage ends.",
    )
    min_requests: Count = Field(
        default=200,
        examples=[200],
        description="The requests per cohort and stage, on complete panes since the confirmation, needed for any PASS.",
    )
    min_completeness: Share = Field(
        default=0.99,
        examples=["99%"],
        description="The share of a stage's events that must arrive in time for the stage to bake and to advance.",
    )
    confidence: Confidence = Field(default_factory=Confidence, description="How often the comparisons may be wrong.")
    rollback_on: RollbackOn = Field(
        default_factory=RollbackOn, description="When comparisons of standard checks roll back."
    )
    budget: Budget | None = Field(
        default=None,
        examples=[{"slo": "99.9%", "spend": "5%"}],
        description="The share of the error budget that this rollout may spend.",
    )
    data_quality: DataQuality = Field(
        default_factory=DataQuality, description="What makes the data untrustworthy, so that the rollout holds."
    )
    no_data: NoData = Field(default_factory=NoData, description="When missing requests hold and pause a rollout.")
    commands: Commands = Field(
        default_factory=Commands, description="How orders are sent again until they are acknowledged."
    )

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> Self:
        """Read a policy document (the content of a YAML file or a Kafka message).

        Raises PolicyError, and nothing else, with every fault of the document (beyond MOST_FAULTS, with their number).
        """
        if not isinstance(cast("object", document), Mapping):
            message = f"must be a mapping (`key: value`), not {shown(document)}"
            raise PolicyError((PolicyFault((), message),))
        faults: list[PolicyFault] = []
        more = 0
        policy: Self | None = None
        try:
            policy = cls.model_validate(dict(document))
        except ValidationError as error:
            faults.extend(faults_in_words(error, _MODELS))
            more = error.error_count() - len(faults)
        faults.extend(rule_faults(document))
        if policy is None or faults:
            raise PolicyError(tuple(faults), more)
        return policy

    def document(self) -> dict[str, object]:
        """Return the canonical form: JSON-able, defaults written out, durations and shares as text.

        `Policy.parse` reads it back to an equal policy.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @cached_property
    def judged(self) -> Mapping[str, Judged]:
        """All that gets a verdict on each pane, by name: the checks, and the budget last."""
        return {**self.checks, **({} if self.budget is None else {BUDGET: self.budget})}

    @cached_property
    def written(self) -> dict[str, object]:
        """`document`, made once: read it, and never change it."""
        return self.document()

    @cached_property
    def hash(self) -> str:
        """`sha256:` and the hex digest of the canonical form: equal for policies of equal meaning."""
        canonical = json.dumps(self.document(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """The JSON Schema (draft 2020-12) of a policy document, for editors; `parse` checks more than it can."""
        return schema_of(cls)

    def __hash__(self) -> int:
        return hash(self.hash)

    def __deepcopy__(self, memo: dict[int, object] | None = None) -> Self:
        return self  # frozen all the way down


_MODELS: Mapping[str, type[BaseModel]] = {
    "": Policy,
    "cohorts": Cohorts,
    "stages": Stage,
    **CHECK_MODELS,
    "confidence": Confidence,
    "rollback_on": RollbackOn,
    "budget": Budget,
    "data_quality": DataQuality,
    "no_data": NoData,
    "commands": Commands,
}
