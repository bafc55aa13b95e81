"""Success rate: the share of business transactions that succeed, by `success` in the events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from gates.comparison.parts import FAILED_TRANSACTION
from gates.documents.fields import Count, Family, OptionalSlo
from gates.documents.quantities import format_share
from gates.panes import Cell
from gates.slis.bounds import Bound, WindowBound
from gates.slis.check_context import CheckContext
from gates.slis.comparable_limit import ComparableLimit
from gates.slis.compared import Compared
from gates.slis.definition import Check
from gates.slis.findings import Finding, LintContext
from gates.slis.limit import Guard
from gates.slis.limit_lints import idle_min_events, too_few_events
from gates.slis.margin import ErrorShareCheck
from gates.slis.share import ShareFigure, share_evidence, share_text
from gates.text import count, percent
from gates.windows import CohortWindow

FEW_SUCCEED = 0.5


class SuccessRateCheck(ErrorShareCheck):
    """The share of business transactions that succeed, by `success` in the events.

    `ratio` is the largest acceptable multiple of the baseline's share of failures, `limit` the lowest acceptable share
    of successes over the last `window_ms`; it fails only when the window holds `min_events` failures.
    """

    counts_errors: ClassVar[bool] = True
    clusters: ClassVar[bool] = True

    sli: Literal["success_rate"] = Field(examples=["success_rate"], description="What the check measures.")
    limit: OptionalSlo = Field(
        default=None, examples=["97%"], description="The lowest acceptable success rate of the candidate."
    )
    min_events: Count = Field(
        default=20, examples=[20], description="The limit fails only with this many failures in the window."
    )
    family: Family = Field(
        default="business", examples=["business"], description="Checks of one family count once towards `rollback_on`."
    )

    @property
    def absolute(self) -> bool:
        """Whether it has a limit."""
        return self.limit is not None

    @property
    def bound(self) -> Bound | None:
        """The limit, as a share of failures."""
        if self.limit is None:
            return None
        return WindowBound("limit", 1.0 - self.limit, self.window_ms, self.min_events, of_errors=True)

    @property
    def comparable_limit(self) -> ComparableLimit | None:
        """The limit, where a lower one is looser."""
        if self.limit is None:
            return None
        return ComparableLimit((self.sli, self.traffic, self.window_ms), -self.limit, self.min_events)

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        figure = SuccessRateFigure(self)
        objective = None if self.limit is None else 1.0 - self.limit
        outcomes = (FAILED_TRANSACTION,) if context.in_blocks else ()  # other rules have no counts of it by user
        evidence = share_evidence(name, self, context, figure, objective, outcomes)
        return Compared(name, self, figure, evidence, context.thresholds[name])

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield a limit that accepts mostly failures (usually a failure rate), and idle keys."""
        if self.limit is not None and self.limit < FEW_SUCCEED:
            yield Finding(
                "limit",
                f"{format_share(self.limit)} lets more than half of the transactions fail; write the lowest acceptable "
                "success rate, such as 97%",
            )
        yield from super().lints(context)
        yield from idle_min_events(self, self.min_events)

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield a limit that cannot fail at this traffic."""
        return too_few_events(self, self.min_events, context, rps)


class SuccessRateFigure(ShareFigure):
    """The share of transactions that fail: the comparison needs a figure of which larger is worse."""

    def __init__(self, definition: SuccessRateCheck) -> None:
        limit = definition.limit
        super().__init__(None if limit is None else Guard(1.0 - limit, definition.min_events))
        self.limit = f"the limit of {percent(1.0 - (limit or 1.0))} failures"

    def tally(self, source: Cell | CohortWindow) -> tuple[int, int]:
        """Failed transactions, and all whose success is known."""
        known = source.detail if isinstance(source, Cell) else source
        return known.failed, known.failed + known.succeeded

    def stage_text(self, name: str, cell: Cell) -> str:
        """The share of failures since the stage was ordered."""
        failed, known = self.tally(cell)
        share = percent(failed / known) if known else "no share"
        return f"{name} {share} ({count(failed)} of {count(known)} transactions failed)"

    def window_text(self, name: str, window: CohortWindow) -> str:
        """The share of failures over the window."""
        return share_text(name, self.tally(window), "transactions failed", window)
