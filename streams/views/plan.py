"""A plan of a policy's stages: what each can detect and how long it takes, as text and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isinf
from typing import Any

from gates.advice.plan import CheckPlan, StagePlan, p95
from gates.documents.quantities import format_duration, format_share
from streams.views.wording import estimate


def plan_lines(stages: Sequence[StagePlan]) -> Iterator[str]:
    """A paragraph per stage."""
    for stage in stages:
        yield f"stage {stage.name}: weight {format_share(stage.weight)}, bake {_bake(stage)}"
        yield f"  {estimate(stage.enough_requests)} until there are enough requests to pass"
        for check in stage.checks:
            yield f"  {_check_line(check)}"
        if not stage.compared:
            yield "  the baseline has no traffic, so only limits apply"
        yield f"  a healthy candidate passes the stage in about {estimate(stage.advance)}"


def _bake(stage: StagePlan) -> str:
    return format_duration(round(stage.bake_s * 1000.0))


def _check_line(check: CheckPlan) -> str:
    median = ", ".join(f"{times:g}x {_in(seconds)}" for times, seconds in check.detect.items())
    most = ", ".join(estimate(p95(seconds)) for seconds in check.detect.values())
    smallest = "nothing" if check.smallest is None else f"{check.smallest:.2g}x or more"
    return (
        f"{check.name}: detects {median} (median; 95% of cases: {most}); within the bake: {smallest}; "
        f"a healthy candidate passes in about {estimate(check.advance)}"
    )


def _in(seconds: float) -> str:
    return "never" if isinf(seconds) else f"in {estimate(seconds)}"


def blindness(stage: StagePlan) -> str:
    """The message about a stage whose checks can detect nothing within its bake."""
    return (
        f"stage {stage.name} is blind: within {_bake(stage)}, {' and '.join(stage.blind)} would miss even 10 times "
        "the baseline's figure; raise weight or lengthen bake"
    )


def plan_document(stage: StagePlan) -> dict[str, Any]:
    """A stage as JSON values: times in seconds, null for never."""
    return {
        "name": stage.name,
        "weight": stage.weight,
        "bake_s": stage.bake_s,
        "enough_requests_s": stage.enough_requests,
        "advance_s": _finite(stage.advance),
        "blind": list(stage.blind),
        "checks": [
            {
                "name": check.name,
                "detect": [
                    {"times": times, "median_s": _finite(seconds), "p95_s": _finite(p95(seconds))}
                    for times, seconds in check.detect.items()
                ],
                "smallest_within_bake": check.smallest,
                "advance_s": _finite(check.advance),
            }
            for check in stage.checks
        ],
    }


def _finite(seconds: float) -> float | None:
    return None if isinf(seconds) else round(seconds, 1)
