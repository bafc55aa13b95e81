"""Lints of `limit` and `min_events`, which several SLIs have."""

from __future__ import annotations

from collections.abc import Iterator

from gates.documents.quantities import format_duration
from gates.slis.definition import CheckDefinition, default_of
from gates.slis.findings import Finding, LintContext, traffic_text

WORST_SHARE = 0.5
"""A guard rail that is to stop anything in time must be able to fail when this share of the requests is bad."""


def idle_min_events(definition: CheckDefinition, min_events: int) -> Iterator[Finding]:
    """Yield a `min_events` that has no effect, because there is no limit."""
    if not definition.absolute and min_events != default_of(type(definition), "min_events"):
        yield Finding("min_events", "has no effect: it belongs to `limit`, which is missing; add `limit` or remove it")


def too_few_events(
    definition: CheckDefinition, min_events: int, context: LintContext, rps: float, *, all_count: bool = False
) -> Iterator[Finding]:
    """Yield a limit that cannot fail, because its window never holds `min_events` bad events at this traffic.

    With `all_count` every value counts, good or bad: the limit is on a mean.
    """
    if not definition.absolute or not definition.required or definition.traffic == "synthetic":
        return
    most = (1.0 if all_count else WORST_SHARE) * rps * definition.window_ms / 1000.0
    stages = [stage.name for stage in context.stages if most * stage.weight < min_events]
    if stages:
        window = format_duration(definition.window_ms)
        events = "values" if all_count else "bad events even if half of all requests are bad"
        yield Finding(
            "min_events",
            f"the check cannot fail in stage {' and '.join(stages)}: at {traffic_text(rps)}, a {window} window has "
            f"fewer than {min_events:,} {events}; lower `min_events` or widen `window`",
        )
