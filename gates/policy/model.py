"""The policy of a rollout: who is compared with whom, in which stages, by which checks.

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
from gates.policy.checks import CHECK_MODELS, Budget, Check, Part
from gates.policy.rules import (
    DEFAULT_HOLD_AFTER,
    DEFAULT_PANE,
    DEFAULT_PAUSE_AFTER,
    rule_faults,
)

POLICY_SCHEMA = "sluicegate.policy/v1"
MOST_LABELS = 32


class Cohorts(Part):
    """The two cohorts by the names that events carry: what runs already, and what is being rolled out."""

    baseline: Text = Field(examples=["stable"])
    candidate: Text = Field(examples=["canary"])

    def document(self) -> dict[str, str]:
        """Return both names, as decisions and statuses have them."""
        return {"baseline": self.baseline, "candidate": self.candidate}


class Stage(Part):
    """One step: the candidate's share of traffic (`weight`) and how long it is watched there at least (`bake_ms`).

    A stage that has not passed `timeout_ms` after it was ordered is paused, for a person to look at. What comes within
    `warmup_ms` after the weights are in force is not compared and does not count as baked: caches are cold. Every check
    must PASS on `passes` panes in a row, and with `approval` a person must approve, before the stage is left.
    """

    name: Name = Field(examples=["canary"])
    weight: Share = Field(examples=["1%"])
    bake_ms: DurationMs = Field(alias="bake", examples=["5m"])
    timeout_ms: OptionalDurationMs = Field(default=None, alias="timeout", examples=["2h"])
    warmup_ms: OptionalDurationMs = Field(default=None, alias="warmup", examples=["30s"])
    passes: Count = Field(default=1, examples=[5])
    approval: Switch = Field(default=False, examples=[True])


class Confidence(Part):
    """How often the comparisons may be wrong.

    `rollback`: all of them together, over a whole rollout, about a healthy candidate. `advance`: each, in one stage,
    about a candidate that is not good enough. `dispersion` is how many times more than independent ones the errors are
    known to vary (retries, sessions that fail as a whole), 1 where they are known to be independent. Where events carry
    a `user` it is measured, too, and the larger of the two holds; None leaves it to measurement, with users or without.
    """

    rollback: Alpha = Field(default=0.01, examples=["1%"])
    advance: Alpha = Field(default=0.05, examples=["5%"])
    dispersion: OptionalDispersion = Field(default=None, examples=[4])


class RollbackOn(Part):
    """In how many families of standard checks evidence must have gathered before the rollout rolls back."""

    failing: Count = Field(default=1, examples=[2])


class DataQuality(Part):
    """What makes the data untrustworthy: a reason to hold the rollout, and never one to roll it back.

    `sample_ratio`: whether users must fall to the cohorts as the weights say. `contamination`: the share of users that
    may be seen in both cohorts within a stage. `unknown_cohorts`: the share of requests that may carry another cohort
    than the two, or none.
    """

    sample_ratio: Switch = Field(default=True, examples=[True])
    contamination: Share = Field(default=0.01, examples=["1%"])
    unknown_cohorts: Share = Field(default=0.01, examples=["1%"])


class NoData(Part):
    """How long a cohort may stay silent, in event time, before the rollout holds and then pauses."""

    hold_after_ms: DurationMs = Field(default=parse_duration(DEFAULT_HOLD_AFTER), alias="hold_after", examples=["30s"])
    pause_after_ms: DurationMs = Field(
        default=parse_duration(DEFAULT_PAUSE_AFTER), alias="pause_after", examples=["5m"]
    )


class Commands(Part):
    """How long a command may stay without an ack before it is sent again, and how often it is sent in all."""

    ack_within_ms: DurationMs = Field(default=10_000, alias="ack_within", examples=["10s"])
    tries: Tries = Field(default=5, examples=[5])


def _some_stages(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    if not stages:
        raise ValueError("is empty: write at least one stage, such as `{name: canary, weight: 1%, bake: 5m}`")
    return stages


def _some_checks(checks: Mapping[str, Check]) -> Mapping[str, Check]:
    if not checks:
        raise ValueError("is empty: a rollout without checks can never be judged, so write at least one")
    return frozen_mapping(checks)


class Policy(Part):
    """Everything the gate needs to know about one rollout. Make one with `Policy.parse` only.

    `min_requests` is per cohort and stage, `min_completeness` the share of the telemetry that must
    have arrived; both before any check may pass. `checks` and `labels` iterate in the order of
    their names, so that policies of equal hash are judged alike to the byte.
    """

    schema_: Literal["sluicegate.policy/v1"] = Field(alias="schema", examples=[POLICY_SCHEMA])
    rollout: RolloutId = Field(examples=["checkout-v2"])
    owner: OptionalText = Field(default=None, examples=["payments"])
    runbook: OptionalUrl = Field(default=None, examples=["https://wiki.example/runbook"])
    labels: Annotated[
        Mapping[Text, LabelValue], at_most(MOST_LABELS), AfterValidator(frozen_mapping), WRITTEN_MAPPING
    ] = Field(default_factory=lambda: frozen_mapping({}), json_schema_extra={"maxProperties": MOST_LABELS})
    cohorts: Cohorts = Field(examples=[{"baseline": "stable", "candidate": "canary"}])
    pane_ms: PaneMs = Field(default=parse_duration(DEFAULT_PANE), alias="pane", examples=["1s"])
    stages: Annotated[tuple[Stage, ...], at_most(MOST_STAGES), AfterValidator(_some_stages)] = Field(
        examples=[[{"name": "canary", "weight": "1%", "bake": "5m"}]],
        json_schema_extra={"minItems": 1, "maxItems": MOST_STAGES},
    )
    checks: Annotated[Mapping[Name, Check], at_most(MOST_CHECKS), AfterValidator(_some_checks), WRITTEN_MAPPING] = (
        Field(
            examples=[{"errors": {"sli": "error_rate", "limit": "5%"}}],
            json_schema_extra={"minProperties": 1, "maxProperties": MOST_CHECKS, "additionalProperties": False},
        )
    )
    min_requests: Count = Field(default=200, examples=[200])
    min_completeness: Share = Field(default=0.99, examples=["99%"])
    confidence: Confidence = Field(default_factory=Confidence)
    rollback_on: RollbackOn = Field(default_factory=RollbackOn)
    budget: Budget | None = Field(default=None, examples=[{"slo": "99.9%", "spend": "5%"}])
    data_quality: DataQuality = Field(default_factory=DataQuality)
    no_data: NoData = Field(default_factory=NoData)
    commands: Commands = Field(default_factory=Commands)

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> Self:
        """Read a policy document (the content of a YAML file or a Kafka message).

        Raises PolicyError, and nothing else, with every fault of the document (beyond MOST_FAULTS, with their number).
        """
        if not isinstance(cast("object", document), Mapping):
            message = f"must be a mapping (`key: value`), and is {shown(document)}"
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
    def written(self) -> dict[str, object]:
        """`document`, made once: to be read, and never to be changed."""
        return self.document()

    @cached_property
    def hash(self) -> str:
        """`sha256:` and the hex digest of the canonical form: alike for policies that mean the same."""
        canonical = json.dumps(self.document(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """The JSON Schema (draft 2020-12) of a policy document, for editors; `parse` knows more rules than it can."""
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
