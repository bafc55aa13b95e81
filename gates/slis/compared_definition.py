"""What the SLIs that may compare share: `ratio`, beside an absolute limit, and the rules about both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import ConfigDict, Field

from gates.documents.fields import OptionalRatio
from gates.slis.bounds import WindowBound
from gates.slis.definition import CheckDefinition, ComparedFigure
from gates.slis.findings import Fields, Finding, LintContext, RuleContext
from gates.stats.advance_sums import HIGHEST_MARGIN, MarginRange

HIGH_RATIO = 10.0


class ComparedCheck(CheckDefinition):
    """A check that may compare: `ratio` is the largest acceptable multiple of the baseline's figure, None: never."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["ratio"]}, {"required": ["limit"]}]})

    may_compare: ClassVar[bool] = True

    clusters: ClassVar[bool] = False
    """Whether the clustering of its bad events is measured in time where no event carries a user."""

    ratio: OptionalRatio = Field(
        default=None,
        examples=[1.25],
        description="The largest acceptable multiple of the baseline's figure; needs a stage below 100%.",
    )

    @property
    def compared(self) -> ComparedFigure | None:
        """How it compares; None without a ratio."""
        if self.ratio is None:
            return None
        foreseeable = self.clusters or self.compared_quantile is not None
        bound = self.bound
        objective = bound.share if isinstance(bound, WindowBound) and bound.of_errors else None
        margin = self.margin_range(objective)
        return ComparedFigure(self.ratio, self.compared_quantile, self.bad_share, self.clusters, foreseeable, margin)

    def margin_range(self, objective: float | None) -> MarginRange:
        """The share of bad events that a candidate may add, or between what it lies; here always the same.

        `objective` is the limit as a share of bad events.
        """
        return MarginRange(HIGHEST_MARGIN, HIGHEST_MARGIN)

    def bound_text(self, baseline: str, margin: float) -> str:
        """What a candidate must be shown to be below, as text; empty where that is not shown."""
        return ""

    @property
    def compared_quantile(self) -> float | None:
        """The quantile that is compared, as one where larger values are worse; None for means and shares."""
        return None

    def bad_share(self, value: float) -> float:
        """The share of bad events that a verdict's figure amounts to, for a figure that is no quantile."""
        return value

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield a ratio that accepts almost anything: it is usually a percentage written as a multiple."""
        if self.ratio is not None and self.ratio > HIGH_RATIO:
            yield Finding(
                "ratio",
                f"{self.ratio:g} accepts {self.ratio:g} times the baseline's figure; write the largest acceptable "
                "multiple, such as 1.25 for a quarter more",
            )

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Yield the faults between the fields of one definition as written."""
        yield from super().rules(fields, context)
        if "limit" in fields:
            return
        limit, ratio = cls._example("limit"), cls._example("ratio")
        if "ratio" not in fields:
            yield Finding("", f"can never fail: it has no `limit` and no `ratio`; write `{limit}`, `{ratio}` or both")
        elif context.reaches_all:
            yield Finding(
                "limit",
                "is missing: a stage at 100% leaves no baseline for `ratio` to compare with; add a limit, such as "
                f"`{limit}`",
            )

    @classmethod
    def _example(cls, key: str) -> str:
        field = next(each for name, each in cls.model_fields.items() if key in (name, each.alias))
        return f"{key}: {(field.examples or ['...'])[0]}"
