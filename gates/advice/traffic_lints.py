"""Lints of a policy at a given traffic: what its stages cannot detect or reach, and what stops a healthy candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isinf

from gates.advice.passing import LIKELY, LONGEST_DELAY_S
from gates.advice.plan import CheckPlan, StagePlan
from gates.advice.remarks import Remark, of_check
from gates.documents.quantities import format_duration, format_share
from gates.policy import Policy
from gates.policy.rules import BUDGET
from gates.slis.bounds import Bound, WindowBound
from gates.slis.findings import traffic_text
from gates.text import count, estimate, percent

TrafficLint = Callable[[Policy, tuple[StagePlan, ...], float], Iterator[Remark]]

ENOUGH_WEIGHT = 0.1
"""From this weight on, 20 requests a second show a candidate to be good within half an hour."""

LONG_PROOF_S = 3_600.0
LONG_PROOF_BAKES = 4.0
"""A stage that waits for longer than an hour, and than this many bakes, was not planned for that."""

OFTEN = 0.05
"""A bound that this share of healthy candidates breaks in a stage is too tight."""


def blind_stage(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A stage that would miss even ten times the baseline's figure within its bake passes without evidence."""
    for index, stage in enumerate(stages):
        if stage.blind:
            bake = format_duration(round(stage.bake_s * 1000))
            yield Remark(
                ("stages", index, "bake"),
                f"{bake} is too short: at {traffic_text(rps)}, {' and '.join(stage.blind)} would miss even 10 times "
                "the baseline's figure; lengthen `bake` or raise `weight`",
            )


def never_passed(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A stage in which the traffic is too little for a healthy candidate ever to pass."""
    for index, stage in enumerate(stages):
        if isinf(stage.advance) and not stage.broken:
            message = f"at {traffic_text(rps)}, stage {stage.name} is never passed: {never_because(stage)}"
            yield Remark(("stages", index, "weight"), message)


def never_because(stage: StagePlan) -> str:
    """Why a healthy candidate never passes a stage whose limits it keeps, and what to do about it."""
    counted = [check for check in stage.checks if check.required and check.foreseeable]
    if slow := [check.name for check in counted if check.advance > LONGEST_DELAY_S]:
        # A larger weight may not help: a quantile is compared with the last minute of the baseline.
        choices = without_proof(stage, slow)
        return f"a healthy candidate does not pass {' and '.join(slow)}; it needs more traffic: {choices}"
    why = "it is held for silence without end" if isinf(stage.wait.held) else "requests come too seldom"
    # From half of the traffic on, a larger weight leaves the baseline too little.
    return f"{why}; {'raise `weight`' if stage.weight < 0.5 else 'it needs more traffic'}"


def limit_stops_the_healthy(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A bound that a candidate like the baseline breaks: the rollout pauses or rolls back for nothing."""
    for name in policy.judged:
        found = [(stage, check) for stage in stages for check in stage.checks if check.name == name]
        broken = next(((stage, check) for stage, check in found if check.broken), None)
        tight = max(found, key=lambda each: each[1].health.chance)
        if broken is not None:
            yield _of_bound(broken[1], f"{too_low(*broken)}; {advice(broken[1])}")
        elif _too_tight(tight[1]):
            yield _of_bound(tight[1], f"{_close(*tight)}; {advice(tight[1])}")


def too_low(stage: StagePlan, check: CheckPlan) -> str:
    """That healthy candidates break the check's bound in the stage, to be read after the name of the bound."""
    if not check.health.below_base:
        return f"{_close(stage, check)}, so the rollout does not get through"
    accepts = f"accepts an error rate of {_accepted(check.bound)}, less than the baseline's own {percent(stage.base)}"
    if check.health.chance < LIKELY:
        return f"{accepts}: every healthy candidate is beyond it in stage {stage.name} and never passes"
    after = format_duration(max(1, round(check.health.after)) * 1000)
    return f"{accepts}: every healthy candidate breaks it in stage {stage.name}, after about {after}"


def advice(check: CheckPlan) -> str:
    """What to do about a bound that is too low."""
    key = "" if check.bound is None else check.bound.key
    return f"correct `{key}`, or give the true error rate by --base-error"


def _close(stage: StagePlan, check: CheckPlan) -> str:
    if isinstance(check.bound, WindowBound):
        cause = f"accepts an error rate of {_accepted(check.bound)}, close to the baseline's own {percent(stage.base)}"
    else:
        cause = f"is spent by errors as frequent as the baseline's own ({percent(stage.base)})"
    chance = check.health.chance
    most = "nearly all" if chance > 0.99 else f"about {round(100.0 * chance)}% of"
    return f"{cause}: {most} healthy candidates break it in stage {stage.name}"


def _accepted(bound: Bound | None) -> str:
    return percent(bound.share) if isinstance(bound, WindowBound) else ""


def _too_tight(check: CheckPlan) -> bool:
    return check.required and check.foreseeable and check.health.chance >= OFTEN


def _of_bound(check: CheckPlan, message: str) -> Remark:
    key = "" if check.bound is None else check.bound.key
    return Remark((BUDGET, key), message) if check.name == BUDGET else of_check(check.name, key, message)


def too_few_requests(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A stage that lacks `min_requests` at the end of its bake holds, and one that lacks them at its timeout pauses."""
    for index, (stage, planned) in enumerate(zip(policy.stages, stages, strict=True)):
        needed = planned.wait.requests * 1000.0
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
        if left is None or planned.broken:
            continue
        timeout = format_duration(policy.stages[index].timeout_ms or 0)
        slow = [each.name for each in planned.checks if _counts(each) and each.advance * 1000.0 >= left]
        advice = "lengthen `timeout` or raise `weight`"
        if slow:
            what = f"a healthy candidate takes longer to pass {' and '.join(slow)}"
            advice = f"lengthen `timeout`, {without_proof(planned, slow)}"
        elif planned.wait.baked * 1000.0 >= left:
            baked = planned.wait.baked
            takes = "never ends" if isinf(baked) else f"takes {_time(baked * 1000.0)}"
            what = f"the bake {takes}, because there are long gaps between requests"
        else:
            continue
        yield Remark(
            ("stages", index, "timeout"),
            f"{timeout} is too short: at {traffic_text(rps)}, {what}, so the stage probably pauses; {advice}",
        )


def confirmation_times_out(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """An order takes time: one that is confirmed at the last try leaves too little for the bake."""
    for index, (stage, planned) in enumerate(zip(policy.stages, stages, strict=True)):
        left = _until_timeout(policy, index)
        if left is not None and left - stage.bake_ms <= planned.wait.confirm * 1000.0:
            commands = policy.commands
            takes = f"{commands.tries} tries of {format_duration(commands.ack_within_ms)}"
            yield Remark(
                ("stages", index, "timeout"),
                f"{format_duration(stage.timeout_ms or 0)} leaves {_time(left - stage.bake_ms)} beside bake and "
                f"warm-up, and an order may take {_time(planned.wait.confirm * 1000.0)} to be confirmed ({takes}); "
                "lengthen `timeout`",
            )


def gaps_pause(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """The same for `pause_after`, which needs a person each time."""
    paused = [stage.name for stage in stages if stage.wait.pauses >= LIKELY]
    if paused:
        yield Remark(
            ("no_data", "pause_after"),
            f"{format_duration(policy.no_data.pause_after_ms)} is shorter than gaps of healthy traffic: at "
            f"{traffic_text(rps)}, stage {' and '.join(paused)} will be paused as silent, and a person paged; lengthen "
            "it, or raise `weight`",
        )


def one_late_event(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """Of few requests, one that comes late is more than `min_completeness` allows."""
    stopped = [stage for stage in stages if stage.wait.late > stage.wait.bake]
    if stopped and policy.min_completeness < 1.0:
        stage = stopped[0]
        requests = stage.wait.bake / stage.wait.late / (1.0 - policy.min_completeness)
        yield Remark(
            ("min_completeness",),
            f"{format_share(policy.min_completeness)} allows no late event in stage "
            f"{' and '.join(each.name for each in stopped)}: at {traffic_text(rps)}, the smaller cohort has about "
            f"{count(round(requests))} requests in the bake of {stage.name}, and one that is late stops it; lower it, "
            "lengthen `bake` or raise `weight`",
        )


def proof_takes_long(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """Without a timeout nobody is paged, and a stage waits for hours after its bake."""
    for index, (stage, planned) in enumerate(zip(policy.stages, stages, strict=True)):
        if stage.timeout_ms is not None or planned.broken or isinf(planned.advance):
            continue
        longest = max(LONG_PROOF_S, LONG_PROOF_BAKES * planned.bake_s)
        slow = [each.name for each in planned.checks if _counts(each) and each.advance > longest]
        if slow:
            takes = estimate(max(each.advance for each in planned.checks if each.name in slow))
            bake = format_duration(stage.bake_ms)
            yield Remark(
                ("stages", index, "bake"),
                f"{bake} is far too short for a proof: at {traffic_text(rps)}, {' and '.join(slow)} will show only "
                f"after about {takes} that a healthy candidate is good; {without_proof(planned, slow)}",
            )


def proof_in_time(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """`proof: false` gives up a guarantee: for nothing where the traffic gives the proof within the bake."""
    for index, planned in enumerate(stages):
        proofs = [check.proof.seconds for check in planned.checks if _counts(check) and check.proof is not None]
        if not planned.proves and proofs and max(proofs) <= planned.bake_s:
            yield Remark(
                ("stages", index, "proof"),
                f"false is not needed: at {traffic_text(rps)}, a healthy candidate is shown to be good in "
                f"{estimate(max(proofs))}, within the bake; remove it",
            )


def without_proof(stage: StagePlan, slow: Sequence[str]) -> str:
    """What to choose where the traffic is too thin for the checks in `slow` to show that a candidate is good."""
    choices = ["raise `weight` to 10% or more"] if stage.weight < ENOUGH_WEIGHT else []
    margins = [check.name for check in stage.checks if check.name in slow and check.proof and check.proof.narrow]
    if margins:
        choices.append(f"write `margin: 2%` in {' and '.join(margins)}, if that many errors more are acceptable")
    choices.append("write `proof: false` in the stage, which then passes without the candidate shown to be good")
    return ", or ".join(choices)


TRAFFIC_LINTS: tuple[TrafficLint, ...] = (
    blind_stage,
    never_passed,
    limit_stops_the_healthy,
    too_few_requests,
    times_out_when_well,
    confirmation_times_out,
    gaps_pause,
    one_late_event,
    proof_takes_long,
    proof_in_time,
)


def _counts(check: CheckPlan) -> bool:
    return check.required and check.foreseeable and check.compared


def _until_timeout(policy: Policy, index: int) -> float | None:
    """Milliseconds between the end of a stage's warm-up and its timeout; None without a timeout."""
    stage = policy.stages[index]
    return None if stage.timeout_ms is None else stage.timeout_ms - (stage.warmup_ms or 0)


def _time(ms: float) -> str:
    return format_duration(max(1, round(ms / 1000.0)) * 1000)
