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
    GIVEN,
    MOST_CHECKS,
    MOST_FREEZE_WINDOWS,
    MOST_STAGES,
    WRITTEN_MAPPING,
    Count,
    LabelValue,
    Name,
    OptionalOutcomes,
    OptionalSwitch,
    OptionalText,
    OptionalUrl,
    PaneMs,
    RolloutId,
    Share,
    Text,
    at_most,
    frozen_mapping,
)
from gates.documents.quantities import parse_duration, shown
from gates.documents.schema import schema_of
from gates.policy.freeze import FreezeWindow
from gates.policy.parts import Cohorts, Commands, Confidence, DataQuality, NoData, PauseRules, RollbackOn, Stage
from gates.policy.rules import (
    BUDGET,
    DEFAULT_PANE,
    rule_faults,
)
from gates.slis.budget import Budget
from gates.slis.definition import Definition, Part
from gates.slis.registry import CHECK_MODELS, TaggedCheck

POLICY_SCHEMA = "sluicegate.policy/v1"
MOST_LABELS = 32


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
    not_errors: OptionalOutcomes = Field(
        default=None,
        examples=[["3xx", "4xx"]],
        description="The outcomes that are not errors on purpose; it changes no verdict, and `validate` does not warn.",
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
    on_shared_cause: Annotated[Literal["pause", "rollback"] | None, GIVEN] = Field(
        default=None,
        examples=["pause"],
        description="What follows when the candidate breaks a limit that the baseline breaks too; pause if missing.",
    )
    rollback_needs_baseline: OptionalSwitch = Field(
        default=None,
        examples=[True],
        description="Whether the gate rolls back only if the baseline had successful requests lately, and pauses "
        "otherwise; true if missing.",
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
    freeze: Annotated[tuple[FreezeWindow, ...] | None, at_most(MOST_FREEZE_WINDOWS)] = Field(
        default=None,
        examples=[[{"days": ["fri"], "from": "16:00", "to": "23:59", "zone": "Europe/Berlin"}]],
        json_schema_extra={"maxItems": MOST_FREEZE_WINDOWS},
        description="Times of the week in which the rollout neither starts nor advances; guard rails still roll back.",
    )
    pause: Annotated[PauseRules | None, GIVEN] = Field(
        default=None,
        examples=[{"remind_after": "4h", "deadline": "24h", "then": "rollback"}],
        description="Reminders and the deadline of a pause; without it, a pause waits for an operator.",
    )
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
    def judged(self) -> Mapping[str, Definition]:
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
    "freeze": FreezeWindow,
    "pause": PauseRules,
    "commands": Commands,
}
