"""Lints of gaps between requests at a given traffic: gaps that hold a healthy stage, and gaps that do not bake."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log

from gates.advice.plan import StagePlan
from gates.advice.remarks import Remark
from gates.documents.quantities import MINUTE_MS, SECOND_MS, format_duration
from gates.machine.step import LONGEST_BAKED_GAP_MS
from gates.policy import Policy, Stage
from gates.slis.findings import traffic_text

LIKELY = 0.5
"""As many gaps as this in a stage, on average, are likely enough to remark."""

HARDLY_BAKES = 0.5
"""A share of the time in gaps that at least doubles the bake."""

LEAST_BAKED = 0.001
"""Where less of the time bakes, the stage hardly ever ends."""


def gaps_hold(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """Requests come at random times: where gaps beyond `hold_after` are likely within a stage, a healthy one holds."""
    hold_s = policy.no_data.hold_after_ms / 1000.0
    held, needed_s = [], 0.0
    for stage, planned in zip(policy.stages, stages, strict=True):
        for cohort, rate in _rates(policy, stage, rps):
            # One more than there are requests: silence counts from the order of the stage to the first of them.
            gaps = 1.0 + rate * max(planned.bake_s, planned.wait.requests)
            if gaps * exp(-rate * hold_s) >= LIKELY:
                held.append(f"{cohort} in stage {stage.name} (a request each {_time(rate)} on average)")
                needed_s = max(needed_s, log(gaps / LIKELY) / rate)
    if held:
        enough = format_duration((int(needed_s) // 60 + 1) * MINUTE_MS)
        yield Remark(
            ("no_data", "hold_after"),
            f"{format_duration(policy.no_data.hold_after_ms)} is shorter than gaps of healthy traffic: at "
            f"{traffic_text(rps)}, {' and '.join(held)} will be held as silent; raise `weight`, or write {enough}",
        )


def gaps_do_not_bake(policy: Policy, _: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """Where `hold_after` is longer than the longest gap that bakes, thin traffic does not hold, and bakes slowly."""
    if policy.no_data.hold_after_ms <= LONGEST_BAKED_GAP_MS:
        return
    for index, stage in enumerate(policy.stages):
        cohort, rate = min(_rates(policy, stage, rps), key=lambda each: each[1])
        expected = rate * LONGEST_BAKED_GAP_MS / 1000.0
        baked = 1.0 - (1.0 + expected) * exp(-expected)
        if baked < 1.0 - HARDLY_BAKES:
            takes = format_duration(round(stage.bake_ms / max(baked, LEAST_BAKED) / MINUTE_MS) * MINUTE_MS)
            yield Remark(
                ("stages", index, "bake"),
                f"{format_duration(stage.bake_ms)} takes {takes} or so: at {traffic_text(rps)}, {cohort} has a request "
                f"each {_time(rate)} on average, and gaps beyond {format_duration(LONGEST_BAKED_GAP_MS)} do not "
                "bake; raise `weight`, or shorten `bake`",
            )


GAP_LINTS = (gaps_hold, gaps_do_not_bake)


def _rates(policy: Policy, stage: Stage, rps: float) -> list[tuple[str, float]]:
    """The cohorts that should have traffic in a stage, with their requests a second."""
    rates = [(policy.cohorts.candidate, rps * stage.weight), (policy.cohorts.baseline, rps * (1.0 - stage.weight))]
    return rates if stage.weight < 1.0 else rates[:1]


def _time(rate: float) -> str:
    """The mean time between requests."""
    seconds = 1.0 / rate
    return f"{seconds:.3g}s" if seconds < 100.0 else format_duration(round(seconds) * SECOND_MS)
