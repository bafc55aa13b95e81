"""Error rate: the share of requests that are errors, by their outcome."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from gates.documents.fields import Count, OptionalErrorLimit, Outcomes, WindowMs
from gates.documents.quantities import SECOND_MS, format_share
from gates.panes import Cell
from gates.slis.bounds import Bound, WindowBound
from gates.slis.check_context import CheckContext
from gates.slis.comparable_limit import ComparableLimit
from gates.slis.compared import Compared
from gates.slis.definition import Check
from gates.slis.error_classes import DEFAULT_ERRORS, odd_errors
from gates.slis.findings import Finding, LintContext
from gates.slis.limit import Guard
from gates.slis.limit_lints import idle_min_events, too_few_events
from gates.slis.margin import ErrorShareCheck
from gates.slis.share import ShareFigure, share_evidence, share_text
from gates.text import percent, rate
from gates.windows import CohortWindow

MANY_FAIL = 0.5


class ErrorRateCheck(ErrorShareCheck):
    """The share of requests that are errors: against the baseline's (`ratio`), an absolute `limit`, or both.

    `errors` lists the outcomes that count as errors. `limit` looks at the last `window_ms`, and fails only when the
    window holds `min_events` errors.
    """

    counts_errors: ClassVar[bool] = True
    clusters: ClassVar[bool] = True

    sli: Literal["error_rate"] = Field(examples=["error_rate"], description="What the check measures.")
    limit: OptionalErrorLimit = Field(
        default=None, examples=["5%"], description="The highest acceptable error rate of the candidate."
    )
    window_ms: WindowMs = Field(
        default=30 * SECOND_MS,
        alias="window",
        examples=["30s"],
        description="The window that the limit looks at: a whole number of panes, at most 1h.",
    )
    errors: Outcomes = Field(
        default=DEFAULT_ERRORS,
        examples=[["5xx", "error", 429]],
        description="The outcomes that count as errors: classes, and exact statuses such as 429 or `grpc:14`.",
    )
    min_events: Count = Field(
        default=20, examples=[20], description="The limit fails only with this many errors in the window."
    )

    @property
    def absolute(self) -> bool:
        """Whether it has a limit."""
        return self.limit is not None

    @property
    def bound(self) -> Bound | None:
        """The limit."""
        if self.limit is None:
            return None
        return WindowBound("limit", self.limit, self.window_ms, self.min_events, of_errors=True)

    @property
    def comparable_limit(self) -> ComparableLimit | None:
        """The limit, with the outcomes that it counts."""
        if self.limit is None:
            return None
        source, outcomes = (self.sli, self.traffic, self.window_ms), frozenset(self.errors)
        return ComparableLimit(source, self.limit, self.min_events, outcomes)

    def build(self, name: str, context: CheckContext) -> Check:
        """Build the check under this name."""
        figure = ErrorRateFigure(self)
        evidence = share_evidence(name, self, context, figure, self.limit, self.errors)
        return Compared(name, self, figure, evidence, context.thresholds[name])

    def lints(self, context: LintContext) -> Iterator[Finding]:
        """Yield a limit that accepts mostly errors (usually a success rate), odd outcomes, and idle keys."""
        if self.limit is not None and self.limit > MANY_FAIL:
            yield Finding(
                "limit",
                f"{format_share(self.limit)} lets more than half of the requests fail; write the highest acceptable "
                "error rate, such as 5%",
            )
        yield from super().lints(context)
        yield from odd_errors(self.errors)
        yield from idle_min_events(self, self.min_events)

    def traffic_lints(self, context: LintContext, rps: float) -> Iterator[Finding]:
        """Yield a limit that cannot fail at this traffic."""
        return too_few_events(self, self.min_events, context, rps)


class ErrorRateFigure(ShareFigure):
    """The share of requests that are errors."""

    def __init__(self, definition: ErrorRateCheck) -> None:
        limit = definition.limit
        super().__init__(None if limit is None else Guard(limit, definition.min_events))
        self._errors = definition.errors
        self.limit = f"the limit of {percent(limit or 0.0)}"

    def tally(self, source: Cell | CohortWindow) -> tuple[int, int]:
        """Errors, and requests."""
        return source.errors(self._errors), source.requests

    def stage_text(self, name: str, cell: Cell) -> str:
        """The error rate since the stage was ordered."""
        return rate(name, *self.tally(cell))

    def window_text(self, name: str, window: CohortWindow) -> str:
        """The error rate over the window."""
        return share_text(name, self.tally(window), "requests", window)
