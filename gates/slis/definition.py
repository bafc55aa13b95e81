"""What all SLIs share: the fields of their definitions, and how a definition builds its check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gates.comparison.count_evidence import BlockState
from gates.documents.fields import Family, Weight, WindowMs
from gates.documents.quantities import MINUTE_MS, format_duration
from gates.documents.readers import read_window, readable
from gates.evidence_view import EvidenceView, PaneUse
from gates.panes import Cell, Pane
from gates.slis.bounds import Bound
from gates.slis.check_context import CheckContext
from gates.slis.comparable_limit import ComparableLimit
from gates.slis.findings import Fields, Finding, LintContext, RuleContext
from gates.stats.advance_sums import MarginRange
from gates.verdicts import Intervals, Verdict
from gates.windows import CohortWindow

Severity = Literal["critical", "standard", "advisory", "dry_run"]
OnFail = Literal["rollback", "pause", "hold", "notify"]
Sample = Literal["real", "synthetic", "all"]


class Part(BaseModel):
    """What all parts of a policy share: they are frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(Protocol):
    """One check at work: panes in, a verdict out."""

    def observe(self, pane: Pane, seen: PaneUse) -> None:
        """Take in one pane."""

    def enter_stage(self) -> None:
        """A new stage was ordered: reset the evidence for an advance, keep the evidence for a rollback."""

    @property
    def worse(self) -> float | None:
        """The e-value for the candidate being worse than allowed; None where nothing is compared."""

    @property
    def blocks(self) -> BlockState | None:
        """How the evidence stands, where it is gathered in blocks; else None."""

    def intervals(self, windows: Mapping[str, CohortWindow]) -> Intervals:
        """Intervals to display; `windows` are the check's main windows by cohort."""

    def verdict(self, view: EvidenceView) -> Verdict:
        """The verdict as of the last pane."""

    @property
    def evidence(self) -> dict[str, object]:
        """Accumulated evidence as JSON values, for a snapshot; assigning it continues bit for bit."""

    @evidence.setter
    def evidence(self, state: dict[str, object]) -> None: ...


@dataclass(frozen=True, slots=True)
class QuantileLimit:
    """The limit of a check on a quantile; those with the same `source` look at the same values."""

    source: tuple[str, Sample, int]
    higher_is_better: bool
    quantile: float
    limit: float


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """How a definition compares, as far as it matters to how soon its comparison detects something.

    `ratio` is the largest acceptable multiple of the baseline's figure. `quantile` is the quantile that is compared, as
    one where larger values are worse; None for means and shares, of which `bad_share` turns a verdict's figure into a
    share of bad events. With `clusters`, clustering of bad events is measured in time where no event carries a user.
    `foreseeable` is false for a mean, whose level is not known in advance. `margin` may be added to `ratio` times the
    baseline's share for an advance.
    """

    ratio: float
    quantile: float | None
    bad_share: Callable[[float], float]
    clusters: bool
    foreseeable: bool
    margin: MarginRange


class Definition(Part):
    """What all that gets a verdict on each pane shares: the checks, and the budget beside them."""

    counts_errors: ClassVar[bool] = False
    """Whether failing requests or transactions are what it counts."""

    measures_requests: ClassVar[bool] = True
    """False for checks of the telemetry itself."""

    @property
    def sample(self) -> Sample:
        """The sample of the traffic that it looks at: users' requests."""
        return "real"

    @property
    def required(self) -> bool:
        """Whether it must PASS before an advance."""
        return True

    @property
    def rolls_back(self) -> bool:
        """Whether its FAIL is a reason to roll back."""
        return True

    @property
    def absolute(self) -> bool:
        """Whether it has a bound that does not depend on the baseline."""
        return False

    @property
    def bound(self) -> Bound | None:
        """Its bound that does not depend on the baseline, for plans; None without one, or with one of its own kind."""
        return None

    def windows(self) -> tuple[int, ...]:
        """The lengths of its sliding windows in milliseconds, the main one first; empty: any window will do."""
        return ()

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        raise NotImplementedError

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield what is valid but probably a mistake."""
        return iter(())

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield what is probably a mistake at `rps` requests a second of both cohorts."""
        return iter(())


class CheckDefinition(Definition):
    """What all checks share.

    A `critical` check rolls back by itself, a `standard` one counts towards `rollback_on`; both must PASS before an
    advance. An `advisory` check only notifies; a `dry_run` check is only recorded. `on_fail` is the reaction to a FAIL
    of a critical or standard check. `family` and `weight` control how its evidence is combined with that of others.
    """

    may_compare: ClassVar[bool] = False
    """Whether it has the key `ratio`."""

    counts_emitters: ClassVar[bool] = False
    """Whether it needs events that name their emitter."""

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
    def sample(self) -> Sample:
        """The sample of the traffic that it looks at."""
        return self.traffic

    @property
    def compared(self) -> ComparedFigure | None:
        """How it compares; None where it does not."""
        return None

    @property
    def comparing(self) -> bool:
        """Whether it compares with the baseline, by an e-process."""
        return self.compared is not None

    @property
    def quantile_limit(self) -> QuantileLimit | None:
        """The limit on a quantile; None for other checks, and without a limit."""
        return None

    @property
    def comparable_limit(self) -> ComparableLimit | None:
        """The limit, to compare with those of other checks; None without one."""
        return None

    def windows(self) -> tuple[int, ...]:
        """The lengths of its sliding windows in milliseconds, the main one first."""
        return (self.window_ms,)

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Yield the faults between the fields of one definition as written; fields that cannot be read are left out."""
        yield from _window_rule(cls, fields, context)
        yield from _on_fail_rule(fields)


def default_of(definition: type[CheckDefinition], field: str) -> Any:
    """The default of a field, as it is in the model."""
    return definition.model_fields[field].default


def sample_of(word: str) -> Callable[[Pane, str], Cell]:
    """How to pick a cohort's cell out of a pane: of users' requests, of synthetic ones, or of both."""
    return {"synthetic": Pane.synthetic_cell, "all": Pane.merged_cell}.get(word, Pane.cell)


def _window_rule(definition: type[CheckDefinition], fields: Fields, context: RuleContext) -> Iterator[Finding]:
    window = readable(read_window, fields["window"]) if "window" in fields else default_of(definition, "window_ms")
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


class TelemetryCheckDefinition(CheckDefinition):
    """A check of the telemetry itself: a FAIL puts the data in doubt, not the candidate, so by default it holds."""

    measures_requests: ClassVar[bool] = False

    on_fail: OnFail = Field(
        default="hold", examples=["hold"], description="The reaction to a FAIL of a critical or standard check."
    )
    family: Family = Field(
        default="telemetry",
        examples=["telemetry"],
        description="Checks of one family count once towards `rollback_on`.",
    )
