"""What the comparing checks on errors share: `margin`, which a candidate may add to `ratio` times the baseline."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from gates.documents.fields import OptionalMargin
from gates.documents.quantities import format_share
from gates.documents.readers import read_margin, read_ratio, readable
from gates.slis.bounds import WindowBound
from gates.slis.compared_definition import ComparedCheck
from gates.slis.findings import Fields, Finding, LintContext, RuleContext
from gates.stats.advance_sums import MarginRange
from gates.text import bound_of_ratio

WIDE_MARGIN = 0.05
"""A stated margin above this is more likely 0.5 written for 0.5%."""


class ErrorShareCheck(ComparedCheck):
    """A check on a share of errors.

    To advance, a candidate must be shown to be below `ratio` times the baseline's share plus `margin`; without the key,
    the margin follows the baseline's own share.
    """

    margin: OptionalMargin = Field(
        default=None,
        examples=["0.5%"],
        description="The percentage points that a candidate may add to `ratio` times the baseline's rate and still "
        "advance; if missing, twice the baseline's rate, from 0.2 to 0.5 points and at most a quarter of the limit.",
    )

    def margin_range(self, objective: float | None) -> MarginRange:
        """The margin, or between what it lies; `objective` is the limit as a share of bad events."""
        return MarginRange.of(self.margin, objective)

    def bound_text(self, baseline: str, margin: float) -> str:
        """What a candidate must be shown to be below, as text; empty where nothing is compared."""
        return "" if self.ratio is None else bound_of_ratio(self.ratio, baseline, margin)

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield a margin that leaves nothing to show, and none at all."""
        yield from super().lints(context)
        bound = self.bound
        if self.margin is None:
            return
        limit = round(bound.share, 9) if isinstance(bound, WindowBound) else 1.0
        if self.margin >= limit:
            yield Finding(
                "margin",
                f"{format_share(self.margin)} is not below the error rate that the limit accepts "
                f"({format_share(limit)}), so `ratio` stops no candidate from advancing; write less, "
                "such as 0.5%",
            )
        elif self.margin > WIDE_MARGIN:
            yield Finding(
                "margin",
                f"{format_share(self.margin)} of all requests may then fail beside the baseline's share; for half a "
                "percentage point, write `0.5%`",
            )
        elif self.margin == 0.0:
            yield Finding(
                "margin",
                "0% leaves only errors of both cohorts to compare: where the baseline has none, a healthy candidate "
                "never passes; write more, such as 0.1%",
            )

    @classmethod
    def rules(cls, fields: Fields, context: RuleContext) -> Iterator[Finding]:
        """Yield the faults between the fields of one definition as written."""
        yield from super().rules(fields, context)
        if "margin" not in fields:
            return
        ratio = readable(read_ratio, fields.get("ratio"))
        if "ratio" not in fields:
            yield Finding("margin", "has no effect without `ratio`; remove it, or write for example `ratio: 1.25`")
        elif readable(read_margin, fields["margin"]) == 0.0 and ratio == 1.0:
            yield Finding(
                "margin",
                "must be above 0% with `ratio: 1`: no number of requests could show that a candidate is better than a "
                "baseline like itself; write for example `margin: 0.5%`, or a larger `ratio`",
            )
