"""A plan of a policy's stages: what each catches and how long it takes, as text and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, isinf, log10
from typing import Any

from gates.advice.catching import ALL_BAD, Catch, Smallest
from gates.advice.passing import LIKELY
from gates.advice.plan import CheckPlan, Proof, StagePlan
from gates.advice.traffic_lints import advice, never_because, too_low
from gates.documents.quantities import format_duration, format_share
from gates.policy import Policy, Stage
from gates.text import estimate
from streams.views.wording import counted

SLOWS = 1.0
"""What takes less than this many seconds is left out."""


def plan_lines(policy: Policy, stages: Sequence[StagePlan]) -> Iterator[str]:
    """A paragraph per stage, and how long the whole rollout takes."""
    for stage, planned in zip(policy.stages, stages, strict=True):
        yield f"stage {stage.name}: weight {format_share(stage.weight)}, bake {format_duration(stage.bake_ms)}"
        for line in (*_waits(policy, stage, planned), *(_check_line(check, planned) for check in planned.checks)):
            yield f"  {line}"
        if not planned.compared:
            yield "  the baseline has no traffic, so only limits apply"
        why = " at this traffic" if isinf(planned.advance) and not planned.broken else ""
        yield f"  a healthy candidate {_passes(planned.advance)} the stage{why}{_about(planned.advance)}"
    if policy.rollback_on.failing > 1:
        yield (
            "a comparison of a standard check rolls back only together with those of other families, "
            f"{policy.rollback_on.failing} in all (rollback_on): its times are of its own evidence"
        )
    orders = len(stages) + (stages[-1].weight < 1.0)
    confirm = format_duration(round(stages[0].wait.confirm * 1000.0))
    total = sum(stage.advance for stage in stages)
    if isinf(total):
        yield "a healthy candidate is never promoted"
    else:
        yield (
            f"a healthy candidate is promoted{_about(total)}, and the time that {counted(orders, 'order')} take: a "
            f"person is paged where one is not confirmed within {confirm}"
        )


def _passes(seconds: float) -> str:
    return "never passes" if isinf(seconds) else "passes"


def _about(seconds: float) -> str:
    if isinf(seconds):
        return ""
    return " at once" if seconds < SLOWS else f" in {_roughly(seconds)}"


def _roughly(seconds: float) -> str:
    """An estimate in a sentence; `over 100d` is rough already."""
    text = estimate(seconds)
    return text if text.startswith("over") else f"about {text}"


def _waits(policy: Policy, stage: Stage, planned: StagePlan) -> Iterator[str]:
    """What a healthy candidate waits for, beside the checks."""
    wait, names = planned.wait, policy.commands.actuators
    if names:
        yield f"the bake begins when {' and '.join(names)} have confirmed the order"
    if stage.warmup_ms:
        yield f"{format_duration(stage.warmup_ms)} of warm-up, in which only limits apply"
    yield f"{estimate(wait.requests)} until there are enough requests to pass"
    if wait.bake - planned.bake_s >= SLOWS:
        yield f"{estimate(wait.bake)} for the bake, because time in long gaps between requests does not count"
    if wait.holds >= LIKELY:
        held = "" if isinf(wait.held) else f", for {_roughly(wait.held)} in all"
        yield f"held for silence {_times(wait.holds)}{held}"
    if wait.pauses >= LIKELY:
        yield f"paused for silence {_times(wait.pauses)}, each time until a person resumes it"
    if wait.late > wait.bake:
        least = format_share(policy.min_completeness)
        yield f"no late event: of so few requests, one is more than min_completeness ({least}) allows"
    if stage.passes > 1 and wait.run >= SLOWS:
        yield f"{estimate(wait.run)} more until {stage.passes} panes in a row have requests and pass"
    if stage.approval:
        yield "a person's approval"


def _times(number: float) -> str:
    return "without end" if isinf(number) else f"about {counted(max(1, round(number)), 'time')}"


def _check_line(check: CheckPlan, planned: StagePlan) -> str:
    parts = [_caught(check)] if check.catches else []
    if check.compared or check.detect:
        parts.append(f"within the bake: {_smallest(check.smallest)}")
    if check.broken:
        parts.append("a healthy candidate breaks its limit" if _breaks(check) else "a healthy candidate never passes")
    else:
        unproved = "" if planned.proves or check.proof is None else _unproved(check.proof)
        parts.append(f"a healthy candidate {_passes(check.advance)}{_about(check.advance)}{unproved}")
    note = "" if check.required else " (advisory)"
    return f"{check.name}{note}: {'; '.join(parts)}"


def _unproved(proof: Proof) -> str:
    """With `proof: false`: a PASS shows little, and how long it would take to show more."""
    takes = "is never given" if isinf(proof.seconds) else f"takes {_roughly(proof.seconds)}"
    return f", not shown to be good (proof: false); a proof {takes}"


def _breaks(check: CheckPlan) -> bool:
    return check.health.chance >= LIKELY


def _caught(check: CheckPlan) -> str:
    worst = "a total failure" if check.counts_errors else "only values beyond its limit"
    median = ", ".join(f"{_what(catch, worst)} {_in(catch)}" for catch in check.catches)
    most = ", ".join(estimate(catch.p95) for catch in check.catches)
    return f"detects {median} (median; 95% of cases: {most})"


def _what(catch: Catch, worst: str) -> str:
    return worst if catch.times == ALL_BAD else f"{catch.times:g}x"


def _in(catch: Catch) -> str:
    if catch.by is None:
        return "never"
    return f"in {estimate(catch.median)}{' by its limit' if catch.by == 'limit' else ''}"


def _smallest(smallest: Smallest | None) -> str:
    if smallest is None:
        return "nothing"
    return f"{_rounded_up(smallest.times)}x or more{' by its limit' if smallest.by == 'limit' else ''}"


def _rounded_up(times: float) -> str:
    """To two digits, and never to less: a candidate of exactly this multiple is caught.

    >>> _rounded_up(10.01), _rounded_up(2.04), _rounded_up(1.5)
    ('11', '2.1', '1.5')
    """
    unit = 10.0 ** (floor(log10(times)) - 1)
    return f"{ceil(times / unit - 1e-9) * unit:.10g}"


def plan_faults(stages: Sequence[StagePlan]) -> Iterator[str]:
    """What makes the plan useless: limits that stop the healthy, and stages that see nothing or are never passed."""
    known: set[str] = set()
    for stage in stages:
        for check in stage.broken:
            if check.name not in known and check.bound is not None:
                known.add(check.name)
                yield f"`{check.bound.key}` of {check.name} {too_low(stage, check)}; {advice(check)}"
        if stage.blind:
            yield blindness(stage)
        if isinf(stage.advance) and not stage.broken:
            yield f"stage {stage.name} is never passed at this traffic: {never_because(stage)}"
        elif stage.wait.pauses >= LIKELY:
            yield f"stage {stage.name} pauses for silence at this traffic; lengthen pause_after or raise weight"


def blindness(stage: StagePlan) -> str:
    """The message about a stage whose checks can detect nothing within its bake."""
    found = [check for check in stage.checks if check.name in stage.blind and check.smallest is not None]
    catches = "".join(f" ({check.name} detects {_smallest(check.smallest)})" for check in found)
    return (
        f"stage {stage.name} is blind: within {format_duration(round(stage.bake_s * 1000.0))}, "
        f"{' and '.join(stage.blind)} would miss even 10 times the baseline's figure{catches}; raise weight or "
        "lengthen bake"
    )


def plan_document(stage: StagePlan) -> dict[str, Any]:
    """A stage as JSON values: times in seconds, null for never."""
    wait = stage.wait
    return {
        "name": stage.name,
        "weight": stage.weight,
        "bake_s": stage.bake_s,
        "warmup_s": wait.warmup,
        "baked_s": _finite(wait.bake),
        "held_s": _finite(wait.held),
        "holds": _finite(wait.holds),
        "pauses": _finite(wait.pauses),
        "enough_requests_s": _finite(wait.requests),
        "passes_s": _finite(wait.run),
        "one_late_event_s": _finite(wait.late),
        "confirm_s": wait.confirm,
        "advance_s": _finite(stage.advance),
        "blind": list(stage.blind),
        "broken": [check.name for check in stage.broken],
        "checks": [_check_document(check) for check in stage.checks],
    }


def _check_document(check: CheckPlan) -> dict[str, Any]:
    worst = next((catch for catch in check.catches if catch.times == ALL_BAD), None)
    return {
        "name": check.name,
        "required": check.required,
        "detect": [{"times": each.times, **_caught_document(each)} for each in check.catches if each is not worst],
        "total_failure": None if worst is None else _caught_document(worst),
        "smallest_within_bake": None if check.smallest is None else check.smallest.times,
        "smallest_by": None if check.smallest is None else check.smallest.by,
        "advance_s": _finite(check.advance),
        "proof_s": None if check.proof is None else _finite(check.proof.seconds),
        "healthy_breaks": round(check.health.chance, 4) if check.health.known else None,
        "breaks_after_s": _finite(check.health.after),
    }


def _caught_document(catch: Catch) -> dict[str, Any]:
    return {"median_s": _finite(catch.median), "p95_s": _finite(catch.p95), "by": catch.by}


def _finite(seconds: float) -> float | None:
    return None if isinf(seconds) else round(seconds, 1)
