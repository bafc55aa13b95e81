"""Lints of a policy's stages at a given traffic: what they cannot detect or reach in their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gates.advice.plan import StagePlan
from gates.advice.remarks import Remark
from gates.documents.quantities import format_duration
from gates.policy import Policy
from gates.slis.findings import traffic_text

TrafficLint = Callable[[Policy, tuple[StagePlan, ...], float], Iterator[Remark]]


def blind_stage(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A stage that would miss even ten times the baseline's figure within its bake passes without evidence."""
    for index, stage in enumerate(stages):
        blind = [name for name in stage.blind if _foreseeable(policy, name)]
        if blind:
            bake = format_duration(round(stage.bake_s * 1000))
            yield Remark(
                ("stages", index, "bake"),
                f"{bake} is too short: at {traffic_text(rps)}, {' and '.join(blind)} would miss even 10 times the "
                "baseline's figure; lengthen `bake` or raise `weight`",
            )


def too_few_requests(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A stage that lacks `min_requests` at the end of its bake holds, and one that lacks them at its timeout pauses."""
    for index, (stage, planned) in enumerate(zip(policy.stages, stages, strict=True)):
        needed = planned.enough_requests * 1000.0
        cohort = policy.cohorts.baseline if 0.5 < stage.weight < 1.0 else policy.cohorts.candidate
        takes = (
            f"is too short: at {traffic_text(rps)} {cohort} needs {_time(needed)} to reach min_requests "
            f"({policy.min_requests:,})"
        )
        left = _until_timeout(policy, index)
        if left is not None and needed >= left:
            timeout = format_duration(stage.timeout_ms or 0)
            yield Remark(
                ("stages", index, "timeout"),
                f"{timeout} {takes}, so the stage always pauses; lengthen `timeout` or raise `weight`",
            )
        elif needed > stage.bake_ms:
            yield Remark(
                ("stages", index, "bake"),
                f"{format_duration(stage.bake_ms)} {takes}, and the rollout holds until then; lengthen `bake` or raise "
                "`weight`",
            )


def times_out_when_well(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A timeout that is shorter than what a healthy candidate needs pages a person each time."""
    for index, planned in enumerate(stages):
        left = _until_timeout(policy, index)
        slow = [
            check.name
            for check in planned.checks
            if left is not None and _foreseeable(policy, check.name) and check.advance * 1000.0 >= left
        ]
        if slow:
            timeout = format_duration(policy.stages[index].timeout_ms or 0)
            yield Remark(
                ("stages", index, "timeout"),
                f"{timeout} is too short: at {traffic_text(rps)}, a healthy candidate takes longer to pass "
                f"{' and '.join(slow)}, so the stage probably pauses; lengthen `timeout` or raise `weight`",
            )


TRAFFIC_LINTS: tuple[TrafficLint, ...] = (blind_stage, too_few_requests, times_out_when_well)


def _foreseeable(policy: Policy, name: str) -> bool:
    """Whether the plan of a comparison counts: a mean's level, and the traffic of probes, are not known in advance."""
    check = policy.checks[name]
    return check.required and check.sample != "synthetic" and check.compared is not None and check.compared.foreseeable


def _until_timeout(policy: Policy, index: int) -> float | None:
    """Milliseconds between the end of a stage's warm-up and its timeout; None without a timeout."""
    stage = policy.stages[index]
    return None if stage.timeout_ms is None else stage.timeout_ms - (stage.warmup_ms or 0)


def _time(ms: float) -> str:
    return format_duration(max(1, round(ms / 1000.0)) * 1000)
