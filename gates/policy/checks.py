"""The checks of a policy: which figure is looked at, what it is held against, and what a FAIL does."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gates.documents.fields import (
    Count,
    Emitters,
    ErrorClasses,
    Family,
    MetricName,
    OptionalCeiling,
    OptionalErrorLimit,
    OptionalLatencyLimitMs,
    OptionalNumber,
    OptionalQuantile,
    OptionalRatio,
    OptionalSlo,
    Quantile,
    Share,
    Slo,
    Weight,
    WindowMs,
)
from gates.documents.quantities import parse_duration
from gates.policy.rules import DEFAULT_FAMILY, DEFAULT_SPEND, DEFAULT_WINDOW, SHORT_PER_LONG

Severity = Literal["critical", "standard", "advisory", "dry_run"]
OnFail = Literal["rollback", "pause", "hold", "notify"]
Sample = Literal["real", "synthetic", "all"]


class Part(BaseModel):
    """What all parts of a policy have in common: they never change, and know all their keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckDefinition(Part):
    """What all checks have in common.

    `severity`: a `critical` check always rolls back by itself, a `standard` one counts towards `rollback_on`; both must
    PASS before an advance. An `advisory` one only notifies; a `dry_run` one is judged and shown, and nothing else.
    `on_fail` is what a FAIL of a critical or standard check does. `family` and `weight` say how its evidence is
    combined with that of the others. `traffic` is the sample: users' requests, synthetic ones, or both.
    """

    severity: Severity = Field(default="standard", examples=["standard"])
    on_fail: OnFail = Field(default="rollback", examples=["rollback"])
    family: Family = Field(default="errors", examples=["errors"])
    weight: Weight = Field(default=1.0, examples=[1])
    traffic: Sample = Field(default="real", examples=["real"])
    window_ms: WindowMs = Field(default=parse_duration("1m"), alias="window", examples=["1m"])

    @model_validator(mode="before")
    @classmethod
    def _quiet_checks_notify(cls, fields: object) -> object:
        if isinstance(fields, Mapping) and fields.get("severity") in ("advisory", "dry_run"):
            return {"on_fail": "notify", **fields}
        return fields

    @property
    def required(self) -> bool:
        """Whether it must PASS before an advance."""
        return self.severity in ("critical", "standard")

    @property
    def rolls_back(self) -> bool:
        """Whether its FAIL is a reason to roll back."""
        return self.required and self.on_fail == "rollback"

    @property
    def comparing(self) -> bool:
        """Whether it compares with the baseline, by an e-process."""
        return False

    def windows(self) -> tuple[int, ...]:
        """The lengths of the sliding windows that it looks at, the main one first; milliseconds."""
        return (self.window_ms,)


class ComparedCheck(CheckDefinition):
    """A check that may compare: `ratio` is how many times the baseline's figure is still acceptable, None: never."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["ratio"]}, {"required": ["limit"]}]})

    ratio: OptionalRatio = Field(default=None, examples=[1.25])

    @property
    def comparing(self) -> bool:
        """Whether it compares with the baseline, by an e-process."""
        return self.ratio is not None


class ErrorRateCheck(ComparedCheck):
    """The share of requests that are errors: against the baseline's (`ratio`), an absolute `limit`, or both.

    `errors` says which outcomes count as errors; `limit` looks at the last `window_ms`, and fails
    only when the window holds `min_events` errors.
    """

    sli: Literal["error_rate"] = Field(examples=["error_rate"])
    limit: OptionalErrorLimit = Field(default=None, examples=["5%"])
    window_ms: WindowMs = Field(default=parse_duration(DEFAULT_WINDOW["error_rate"]), alias="window", examples=["30s"])
    errors: ErrorClasses = Field(default=("5xx", "error"), examples=[["5xx", "error"]])
    min_events: Count = Field(default=20, examples=[20])


class SuccessRateCheck(ComparedCheck):
    """The share of business transactions that succeed, by `success` in the events.

    `ratio` is how many times the baseline's share of failures is still acceptable, `limit` the lowest acceptable share
    of successes over the last `window_ms`; it fails only when the window holds `min_events` failures.
    """

    sli: Literal["success_rate"] = Field(examples=["success_rate"])
    limit: OptionalSlo = Field(default=None, examples=["97%"])
    window_ms: WindowMs = Field(default=parse_duration(DEFAULT_WINDOW["success_rate"]), alias="window", examples=["1m"])
    min_events: Count = Field(default=20, examples=[20])
    family: Family = Field(default=DEFAULT_FAMILY["success_rate"], examples=["business"])


class LatencyCheck(ComparedCheck):
    """A latency quantile: against the baseline's (`ratio`), an absolute limit (`limit_ms`), or both.

    The limit looks at the last `window_ms`, and fails only when the window holds `min_events` requests that were
    slower.
    """

    sli: Literal["latency"] = Field(examples=["latency"])
    quantile: Quantile = Field(examples=[0.95])
    limit_ms: OptionalLatencyLimitMs = Field(default=None, alias="limit", examples=["800ms"])
    window_ms: WindowMs = Field(default=parse_duration(DEFAULT_WINDOW["latency"]), alias="window", examples=["1m"])
    min_events: Count = Field(default=20, examples=[20])
    family: Family = Field(default=DEFAULT_FAMILY["latency"], examples=["latency"])


class MetricCheck(ComparedCheck):
    """A number that events carry in `metrics`: cost, cpu_ms, queue lag, quality of a model.

    Its mean, or with `quantile` that quantile: against the baseline's (`ratio`), an absolute `limit` in the metric's
    own unit, or both. `better` says which way is good. The mean is compared on values cut off at `ceiling`, because a
    mean without an upper bound can hang on a single value. The limit looks at the last `window_ms`, on at least
    `min_events` values beyond it (for the mean: on so many values).
    """

    sli: Literal["metric"] = Field(examples=["metric"])
    metric: MetricName = Field(examples=["cpu_ms"])
    quantile: OptionalQuantile = Field(default=None, examples=[0.95])
    better: Literal["lower", "higher"] = Field(default="lower", examples=["lower"])
    limit: OptionalNumber = Field(default=None, examples=[250])
    ceiling: OptionalCeiling = Field(default=None, examples=[1000])
    window_ms: WindowMs = Field(default=parse_duration(DEFAULT_WINDOW["metric"]), alias="window", examples=["1m"])
    min_events: Count = Field(default=20, examples=[20])
    family: Family = Field(default=DEFAULT_FAMILY["metric"], examples=["saturation"])


class BurnRateCheck(CheckDefinition):
    """How fast the candidate spends the error budget of `slo` (SRE Workbook, chapter 5).

    FAIL when, over `window_ms` and over a twelfth of it, it spends faster than `spend` of 30 days' budget in one
    window, on at least `min_events` errors.
    """

    sli: Literal["burn_rate"] = Field(examples=["burn_rate"])
    slo: Slo = Field(examples=["99.9%"])
    spend: Share = Field(default=DEFAULT_SPEND, examples=["2%"])
    window_ms: WindowMs = Field(default=parse_duration(DEFAULT_WINDOW["burn_rate"]), alias="window", examples=["5m"])
    errors: ErrorClasses = Field(default=("5xx", "error"), examples=[["5xx", "error"]])
    min_events: Count = Field(default=20, examples=[20])

    def windows(self) -> tuple[int, ...]:
        """The long window and the short one."""
        return self.window_ms, self.window_ms // SHORT_PER_LONG


class CoverageCheck(CheckDefinition):
    """The share of the `expected` emitters that reported (requests or heartbeats) in the last `window_ms`."""

    sli: Literal["coverage"] = Field(examples=["coverage"])
    expected: Emitters = Field(examples=[12])
    limit: Share = Field(default=0.9, examples=["90%"])
    window_ms: WindowMs = Field(default=parse_duration(DEFAULT_WINDOW["coverage"]), alias="window", examples=["1m"])
    on_fail: OnFail = Field(default="hold", examples=["hold"])
    family: Family = Field(default="telemetry", examples=["telemetry"])


class ThroughputShareCheck(CheckDefinition):
    """The candidate's share of the requests against the stage's weight, to `tolerance` of it, over `window_ms`."""

    sli: Literal["throughput_share"] = Field(examples=["throughput_share"])
    tolerance: Share = Field(default=0.5, examples=["50%"])
    window_ms: WindowMs = Field(
        default=parse_duration(DEFAULT_WINDOW["throughput_share"]), alias="window", examples=["1m"]
    )
    on_fail: OnFail = Field(default="hold", examples=["hold"])
    family: Family = Field(default="telemetry", examples=["telemetry"])


AnyCheck = (
    ErrorRateCheck
    | SuccessRateCheck
    | LatencyCheck
    | MetricCheck
    | BurnRateCheck
    | CoverageCheck
    | ThroughputShareCheck
)
Check = Annotated[AnyCheck, Field(discriminator="sli")]


class Budget(Part):
    """The share `spend` of 30 days' error budget of `slo` that this rollout may use up; beyond it, it rolls back."""

    slo: Slo = Field(examples=["99.9%"])
    spend: Share = Field(examples=["5%"])
    errors: ErrorClasses = Field(default=("5xx", "error"), examples=[["5xx", "error"]])
    min_events: Count = Field(default=20, examples=[20])


CHECK_MODELS: Mapping[str, type[CheckDefinition]] = {
    "error_rate": ErrorRateCheck,
    "success_rate": SuccessRateCheck,
    "latency": LatencyCheck,
    "metric": MetricCheck,
    "burn_rate": BurnRateCheck,
    "coverage": CoverageCheck,
    "throughput_share": ThroughputShareCheck,
}
"""The model of each kind of check, by its `sli` word."""
