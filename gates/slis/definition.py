"""What all SLIs share: the fields of their definitions, and how a definition builds its check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gates.documents.fields import Family, Weight, WindowMs
from gates.documents.quantities import MINUTE_MS, format_duration
from gates.documents.readers import read_window, readable
from gates.evidence_view import CohortNames, Seen, Thresholds, View
from gates.panes import NOTHING, Cell, Pane
from gates.slis.findings import Fields, Finding, LintContext, RuleContext
from gates.verdicts import Verdict
from gates.windows import CohortWindow

Severity = Literal["critical", "standard", "advisory", "dry_run"]
OnFail = Literal["rollback", "pause", "hold", "notify"]
Sample = Literal["real", "synthetic", "all"]


class Part(BaseModel):
    """What all parts of a policy share: they are frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(Protocol):
    """One check at work: panes in, a verdict out."""

    def observe(self, pane: Pane, seen: Seen) -> None:
        """Take in one pane."""

    def enter_stage(self) -> None:
        """A new stage was ordered: reset the evidence for an advance, keep the evidence for a rollback."""

    @property
    def worse(self) -> float | None:
        """The e-value for the candidate being worse than allowed; None where nothing is compared."""

    def intervals(self, windows: Mapping[str, CohortWindow]) -> dict[str, object]:
        """Confidence intervals to display, by kind; `windows` are the check's main windows by cohort."""

    def verdict(self, view: View) -> Verdict:
        """The verdict as of the last pane."""

    @property
    def evidence(self) -> dict[str, object]:
        """Accumulated evidence as JSON values, for a snapshot; assigning it continues bit for bit."""

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None: ...


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What a definition uses from the rest of its policy to build its check.

    `thresholds` are by the name of the check. `start_blocks` spreads the prior over late starts of a degradation.
    `trailing` has, by sample of the traffic, the baseline's last `TRAILING_MS` as of the pane before.
    """

    cohorts: CohortNames
    thresholds: Mapping[str, Thresholds]
    dispersion: float | None
    start_blocks: int
    trailing: Mapping[str, CohortWindow]


@dataclass(frozen=True, slots=True)
class QuantileLimit:
    """The limit of a check on a quantile; those with the same `source` look at the same values."""

    source: tuple[str, Sample, int]
    higher_is_better: bool
    quantile: float
    limit: float


class Judged(Protocol):
    """What the definitions of checks and the budget have in common."""

    counts_errors: ClassVar[bool]
    measures_requests: ClassVar[bool]

    @property
    def traffic(self) -> Sample:
        """The sample of the traffic that it looks at."""

    @property
    def required(self) -> bool:
        """Whether it must PASS before an advance."""

    @property
    def rolls_back(self) -> bool:
        """Whether its FAIL is a reason to roll back."""

    @property
    def absolute(self) -> bool:
        """Whether it has a bound that does not depend on the baseline."""

    def windows(self) -> tuple[int, ...]:
        """The lengths of its sliding windows in milliseconds, the main one first; empty: any window will do."""

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield what is valid but probably a mistake."""

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield what is probably a mistake at `rps` requests a second of both cohorts."""


class CheckDefinition(Part):
    """What all checks share.

    A `critical` check rolls back by itself, a `standard` one counts towards `rollback_on`; both must PASS before an
    advance. An `advisory` check only notifies; a `dry_run` check is only recorded. `on_fail` is the reaction to a FAIL
    of a critical or standard check. `family` and `weight` control how its evidence is combined with that of others.
    """

    counts_errors: ClassVar[bool] = False
    """Whether failing requests or transactions are what it counts."""

    measures_requests: ClassVar[bool] = True
    """False for checks of the telemetry itself."""

    clusters: ClassVar[bool] = False
    """Whether the clustering of its bad events is measured in time where no event carries a user."""

    may_compare: ClassVar[bool] = False
    """Whether it has the key `ratio`."""

    window_parts: ClassVar[int] = 1
    """The window must be this many times a whole number of panes."""

    severity: Severity = Field(
        default="standard",
        examples=["standard"],
        description="critical: rolls back by itself; standard: counts towards `rollback_on`; "
        "advisory: only notifies; dry_run: is only recorded.",
    )
    on_fail: OnFail = Field(
        default="rollback", examples=["rollback"], description="The reaction to a FAIL of a critical or standard check."
    )
    family: Family = Field(
        default="errors", examples=["errors"], description="Checks of one family count once towards `rollback_on`."
    )
    weight: Weight = Field(
        default=1.0,
        examples=[1],
        description="The weight of this comparison in the combined evidence of all that roll back.",
    )
    traffic: Sample = Field(
        default="real", examples=["real"], description="The requests that are measured: users', synthetic ones, or all."
    )
    window_ms: WindowMs = Field(
        default=MINUTE_MS,
        alias="window",
        examples=["1m"],
        description="The window that the limit looks at: a whole number of panes, at most 1h.",
    )

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
    def allowed_ratio(self) -> float | None:
        """The largest acceptable multiple of the baseline's figure; None where nothing is compared."""
        return None

    @property
    def comparing(self) -> bool:
        """Whether it compares with the baseline, by an e-process."""
        return self.allowed_ratio is not None

    @property
    def absolute(self) -> bool:
        """Whether it has a bound that does not depend on the baseline."""
        return False

    @property
    def uses_window(self) -> bool:
        """Whether a verdict depends on the sliding window."""
        return True

    @property
    def compared_quantile(self) -> float | None:
        """The quantile that is compared, as one where larger values are worse; None for means and shares."""
        return None

    def bad_share(self, value: float) -> float:
        """The share of bad events that a verdict's figure amounts to, for a figure that is no quantile."""
        return value

    @property
    def quantile_limit(self) -> QuantileLimit | None:
        """The limit on a quantile; None for other checks, and without a limit."""
        return None

    @property
    def plannable(self) -> bool:
        """Whether `plan` can foresee what its comparison detects, from the traffic and the baseline's error share."""
        return self.required and self.traffic != "synthetic"

    def windows(self) -> tuple[int, ...]:
        """The lengths of its sliding windows in milliseconds, the main one first."""
        return (self.window_ms,)

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        raise NotImplementedError

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield what is valid but probably a mistake."""
        return iter(())

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield what is probably a mistake at `rps` requests a second of both cohorts."""
        return iter(())

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Yield the faults between the fields of one definition as written; fields that cannot be read are left out."""
        yield from _window_rule(cls, fields, context)
        yield from _on_fail_rule(fields)

    @classmethod
    def default_of(cls, field: str) -> Any:
        """The default of a field, as it is in the model."""
        return cls.model_fields[field].default


def sample_of(word: str) -> Callable[[Pane, str], Cell]:
    """How to pick a cohort's cell out of a pane: of users' requests, of synthetic ones, or of both."""
    if word == "synthetic":
        return lambda pane, cohort: pane.synthetic.get(cohort, NOTHING)
    if word == "all":
        return lambda pane, cohort: pane.cell(cohort).merge(pane.synthetic.get(cohort, NOTHING))
    return lambda pane, cohort: pane.cell(cohort)


def _window_rule(definition: type[CheckDefinition], fields: Fields, context: RuleContext) -> Iterator[Finding]:
    window = readable(read_window, fields["window"]) if "window" in fields else definition.default_of("window_ms")
    parts = definition.window_parts
    if window is None or context.pane_ms is None or window % (step := context.pane_ms * parts) == 0:
        return
    origin = "" if "window" in fields else " (the default)"
    times = f"{parts} times " if parts > 1 else ""
    pane, nearest = format_duration(context.pane_ms), format_duration(max(step, window // step * step))
    yield Finding(
        "window",
        f"{format_duration(window)}{origin} must be {times}a whole number of panes of {pane}; write for example "
        f"{nearest}",
    )


def _on_fail_rule(fields: Fields) -> Iterator[Finding]:
    severity = fields.get("severity")
    if severity in ("advisory", "dry_run") and fields.get("on_fail", "notify") != "notify":
        yield Finding(
            "on_fail",
            f"must be absent or `notify`, because severity is {severity}; remove `on_fail`, or write "
            "`severity: standard`",
        )
    if severity == "critical" and fields.get("on_fail") == "notify":
        yield Finding(
            "on_fail", "must not be `notify`, because severity is critical; write `severity: advisory` to only notify"
        )
