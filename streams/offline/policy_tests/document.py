"""The content of `test.yaml`: traffic, orders of operators, expected decisions. Read once, with every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError

from gates.documents.faults import faults_in_words
from gates.documents.fields import OptionalDurationMs, Switch
from gates.documents.quantities import shown
from gates.documents.readers import whole_number
from gates.policy import PolicyError, PolicyFault
from streams.offline.policy_tests.fields import (
    AckWord,
    ActionOrGap,
    ActionWord,
    ControlName,
    FromStartMs,
    Line,
    OptionalCheck,
    OptionalFromStartMs,
    OptionalReason,
    OptionalText,
    Text,
)
from streams.offline.policy_tests.rules import faults_between_keys
from streams.offline.simulation.named import SCENARIOS
from streams.offline.simulation.scenario import MODELS as SCENARIO_MODELS
from streams.offline.simulation.scenario import Scenario

MOST_EXPECTED = 200


class PolicyTestPart(BaseModel):
    """A part of a test: read strictly, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Expectation(PolicyTestPart):
    """One decision that must follow; only what is given is compared.

    It must follow within `within_ms` of event time after the expected decision before it or, with `since_ms`, after
    that time since the rollout's start (and not before it).
    """

    action: ActionOrGap = Field(examples=["rollback"])
    stage: OptionalText = None
    within_ms: OptionalDurationMs = Field(default=None, alias="within")
    since_ms: OptionalFromStartMs = Field(default=None, alias="since")
    reason: OptionalReason = None
    check: OptionalCheck = None

    def __str__(self) -> str:
        return self.action


class OperatorOrder(PolicyTestPart):
    """An order that an operator gives `at_ms` after the rollout's start; `stage` is that of an approval or an advance.

    An approval without a stage is of the one that the rollout has then, as that of the command line is. `confirmed`,
    `replace` and `override_freeze` are the flags of the command line.
    """

    at_ms: FromStartMs = Field(alias="at", examples=["30s"])
    control: ControlName = Field(examples=["pause"])
    stage: OptionalText = None
    confirmed: Switch = False
    replace: Switch = False
    override_freeze: Switch = False
    by: Text = "an operator"
    reason: Line = ""


def _scenario(name: object) -> Scenario:
    if not isinstance(name, str) or name not in SCENARIOS:
        raise ValueError(f"{shown(name)} is not a scenario: write one of {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def _not_null(value: object) -> object:
    if value is None:
        raise ValueError(f"must be a mapping (`key: value`), and is {shown(value)}")
    return value


def _few(expected: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
    if len(expected) > MOST_EXPECTED:
        raise ValueError(f"has {len(expected)} decisions: write at most {MOST_EXPECTED}")
    return expected


class PolicyTest(PolicyTestPart):
    """One test. Create it with `PolicyTest.parse` only, which also checks rules between keys.

    `policy` and `events` are paths relative to the test's folder; at most one of `events`, `scenario` and `traffic` is
    given, and if none is, events are recorded beside the test. `seed` and `run` are those of `sluicegate simulate`.
    """

    about: OptionalText = None
    policy: Text = Field(default="policy.yaml", examples=["policy.yaml"])
    events: OptionalText = Field(default=None, examples=["events.ndjson"])
    scenario: Annotated[Scenario | None, PlainValidator(_scenario)] = Field(default=None, examples=["error-x2"])
    traffic: Annotated[Scenario | None, BeforeValidator(_not_null)] = None
    seed: Annotated[int, PlainValidator(whole_number(0, 2**32 - 1))] = 0
    run: Annotated[int, PlainValidator(whole_number(0, 1_000_000))] = 0
    acks: AckWord = "auto"
    controls: tuple[OperatorOrder, ...] = ()
    expect: Annotated[tuple[Expectation, ...], AfterValidator(_few)] | None = None
    never: tuple[ActionWord, ...] = ()

    @property
    def simulated(self) -> Scenario | None:
        """The simulated traffic; None if it is recorded."""
        return self.scenario or self.traffic

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> Self:
        """Read the content of a `test.yaml`.

        Raises PolicyError, and nothing else, with every fault.
        """
        if not isinstance(cast("object", document), Mapping):
            raise PolicyError((PolicyFault((), f"must be a mapping (`key: value`), and is {shown(document)}"),))
        written = dict(document)
        if isinstance(written.get("expect"), list):
            written["expect"] = [_as_mapping(each) for each in cast("list[object]", written["expect"])]
        faults: list[PolicyFault] = []
        more = 0
        test: Self | None = None
        try:
            test = cls.model_validate(written)
        except ValidationError as error:
            faults += faults_in_words(error, _MODELS)
            more = error.error_count() - len(faults)
        faults += faults_between_keys(written)
        if test is None or faults:
            raise PolicyError(tuple(faults), more)
        return test


_MODELS: Mapping[str, type[BaseModel]] = {
    **SCENARIO_MODELS,
    "": PolicyTest,
    "traffic": Scenario,
    "expect": Expectation,
    "controls": OperatorOrder,
}


def _as_mapping(expected: object) -> object:
    """`rollback` is short for `{action: rollback}`."""
    return {"action": expected} if isinstance(expected, str) else expected
