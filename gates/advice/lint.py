"""What is odd about a policy that has no fault: conditions that cannot come true, and ways for harm to pass unseen.

Each lint is one small function, whose docstring says why it matters. A remark is no fault: a policy may mean it so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from gates.advice.plan import StagePlan, plan
from gates.comparison.quantiles import MIN_TAIL, TRAILING_MS
from gates.documents.quantities import format_duration, format_share
from gates.policy import (
    AnyCheck,
    BurnRateCheck,
    ComparedCheck,
    CoverageCheck,
    ErrorRateCheck,
    LatencyCheck,
    MetricCheck,
    Policy,
    PolicyFault,
    SuccessRateCheck,
    ThroughputShareCheck,
)
from gates.stats.burn_rate import BudgetSpent

FEW_SUCCEED = 0.5
MANY_FAIL = 0.5
HIGH_RATIO = 10.0
CLOSE_RATIO = 1.1
LOOSE_ALPHA = 0.1
LITTLE_TELEMETRY = 0.9
SWITCHED_OFF = 0.5
"""A share of data that may be unfit, from which on the rule hardly says anything."""
DEFAULT_BASE_ERROR = 0.001
WORST_SHARE = 0.5
"""Of the requests, so many may fail at worst for a guard rail that is to stop anything in time."""


@dataclass(frozen=True, slots=True)
class Remark(PolicyFault):
    """Something that is allowed in a policy, and is likely not meant: where it stands, and why it matters."""


Lint = Callable[[Policy], Iterator[Remark]]

_OF_TELEMETRY = (CoverageCheck, ThroughputShareCheck)


def lint(policy: Policy, rps: float | None = None, base_error: float = DEFAULT_BASE_ERROR) -> tuple[Remark, ...]:
    """Everything odd about a policy.

    With `rps`, requests a second of both cohorts, also what its stages cannot see or reach at that traffic if the
    baseline has the error share `base_error`.

    Raises:
        ValueError: the traffic is not above 0, or the error share not between 0 and 1.
    """
    found = [remark for look in LINTS for remark in look(policy)]
    if rps is not None:
        stages = plan(policy, rps, base_error)
        found += [remark for look in POWER_LINTS for remark in look(policy, stages, rps)]
    return tuple(found)


def window_outlasts_bake(policy: Policy) -> Iterator[Remark]:
    """A window longer than a bake still holds requests from before the stage when the stage is left."""
    for name, check in policy.checks.items():
        stage = min(policy.stages, key=lambda each: each.bake_ms)
        if check.window_ms > stage.bake_ms and _looks_at_window(check):
            length, bake = format_duration(check.window_ms), format_duration(stage.bake_ms)
            words = f"{length} is longer than the bake of stage {stage.name}, {bake}: that stage may be left before the"
            yield _of(name, "window", f"{words} window is full of its requests; write a shorter window or longer bake")


def warmup_outlasts_bake(policy: Policy) -> Iterator[Remark]:
    """What is not compared should be less than what is."""
    for index, stage in enumerate(policy.stages):
        if (stage.warmup_ms or 0) > stage.bake_ms:
            words = f"{format_duration(stage.warmup_ms or 0)} is longer than the bake, {format_duration(stage.bake_ms)}"
            yield Remark(("stages", index, "warmup"), f"{words}: more of the stage is ignored than is compared")


def limits_out_of_order(policy: Policy) -> Iterator[Remark]:
    """Where a quantile is beyond a limit, all higher ones are too: the looser limit on the lower one never counts."""
    checks = [(name, check) for name, check in policy.checks.items() if check.rolls_back]
    for one, other in combinations(checks, 2):
        first, second = (_quantile_limit(check) for _, check in (one, other))
        if first is None or second is None or first[:2] != second[:2]:
            continue
        (low, low_limit, low_name), (high, high_limit, high_name) = sorted(
            [(*first[2:], one[0]), (*second[2:], other[0])]
        )
        if low < high and low_limit > high_limit:
            loose, tight = (low_name, high_name) if first[1] == "lower" else (high_name, low_name)
            words = f"never decides: wherever it is broken, that of {tight} is, too"
            yield _of(loose, "limit", f"{words}; put the limits in the order of the quantiles")


def threshold_on_the_wrong_side(policy: Policy) -> Iterator[Remark]:
    """A limit that lets half of all fail, or a ratio of ten, is usually a share or a ratio misread."""
    for name, check in policy.checks.items():
        if isinstance(check, SuccessRateCheck) and check.limit is not None and check.limit < FEW_SUCCEED:
            words = f"{format_share(check.limit)} lets more than half of the transactions fail"
            yield _of(name, "limit", f"{words}: it is the lowest success rate that is acceptable, such as 97%")
        if isinstance(check, ErrorRateCheck) and check.limit is not None and check.limit > MANY_FAIL:
            words = f"{format_share(check.limit)} lets more than half of the requests fail"
            yield _of(name, "limit", f"{words}: it is the highest error rate that is acceptable, such as 5%")
        if isinstance(check, ComparedCheck) and check.ratio is not None and check.ratio > HIGH_RATIO:
            words = f"{check.ratio:g} times the baseline's figure is hardly acceptable"
            yield _of(name, "ratio", f"{words}: write how many times is, such as 1.25 for a quarter more")


def latency_too_close(policy: Policy) -> Iterator[Remark]:
    """One host is always a little slower than another: a ratio near 1 rolls back for that, sooner or later."""
    for name, check in policy.checks.items():
        if isinstance(check, LatencyCheck) and check.rolls_back and (check.ratio or HIGH_RATIO) < CLOSE_RATIO:
            words = f"{check.ratio:g} lets the noise of one host roll back"
            yield _of(name, "ratio", f"{words}: write {CLOSE_RATIO:g} or more, and 1.2 for p99")


def wrong_tail(policy: Policy) -> Iterator[Remark]:
    """A quantile is to watch the bad end: of latencies the slow one, and of a metric the one that is not `better`."""
    for name, check in policy.checks.items():
        if isinstance(check, LatencyCheck) and check.quantile < 0.5:
            yield _of(name, "quantile", f"{check.quantile:g} watches the fastest requests: slow ones are at 0.95 or so")
        if isinstance(check, MetricCheck) and check.quantile is not None and check.quantile != 0.5:
            higher = check.better == "higher"
            if (check.quantile > 0.5) is higher:
                bad, example = ("smallest", 0.05) if higher else ("largest", 0.95)
                words = f"{check.quantile:g} watches the good end, because {check.better} is better"
                yield _of(name, "quantile", f"{words}: the {bad} values are at {example:g} or so")


def odd_errors(policy: Policy) -> Iterator[Remark]:
    """Successes that count as errors, or server errors that do not, turn a check on its head."""
    kinds: list[tuple[tuple[str | int, ...], tuple[str, ...]]] = [
        (("checks", name, "errors"), check.errors)
        for name, check in policy.checks.items()
        if isinstance(check, ErrorRateCheck | BurnRateCheck)
    ]
    if policy.budget is not None:
        kinds.append((("budget", "errors"), policy.budget.errors))
    for location, words in kinds:
        if good := [word for word in words if word in ("1xx", "2xx", "3xx", "ok")]:
            yield Remark(location, f"counts {' and '.join(good)} as errors, which are none")
        if "5xx" not in words and "error" not in words:
            yield Remark(location, "leaves out 5xx and error: a candidate that only crashes has no errors then")


def cannot_fail(policy: Policy) -> Iterator[Remark]:
    """A check that cannot fail looks like a guard and is none."""
    for name, check in policy.checks.items():
        if isinstance(check, CoverageCheck) and check.limit * check.expected <= 1.0:
            words = f"cannot fail: one emitter is enough for {format_share(check.limit)} of {check.expected}, and where"
            yield _of(name, "limit", f"{words} none reports the rollout holds anyway; write a larger share")
        if isinstance(check, ThroughputShareCheck) and check.tolerance >= 1.0:
            words = "100% lets the candidate get nothing at all"
            yield _of(name, "tolerance", f"{words}: write how far its share may be off, such as 50%")


def budget_cannot_be_spent(policy: Policy) -> Iterator[Remark]:
    """The budget is of 30 days: a short rollout spends little of it, even if everything fails."""
    if policy.budget is None:
        return
    spent = BudgetSpent(policy.budget.slo)
    for stage in policy.stages:
        length = stage.bake_ms + (stage.warmup_ms or 0)
        spent.add_pane(requests=length, errors=round(length * stage.weight), lasting_ms=length)
    most = spent.get() or 0.0
    if most <= policy.budget.spend:
        words = f"{format_share(policy.budget.spend)} cannot be spent within the bakes: if every request of the"
        yield Remark(("budget", "spend"), f"{words} candidate failed, it would be {most:.2%}; write less")


def never_compared(policy: Policy) -> Iterator[Remark]:
    """Where every stage is at 100 %, no baseline is left, and a ratio has only the limit to be held against."""
    if any(stage.weight < 1.0 for stage in policy.stages):
        return
    for name, check in policy.checks.items():
        if check.comparing:
            yield _of(
                name, "ratio", "has only the limit to compare with: no stage is below 100 %; begin with one that is"
            )


def idle_keys(policy: Policy) -> Iterator[Remark]:
    """A number that changes nothing was written for something that does not happen."""
    for name, check in policy.checks.items():
        mean = (
            check.comparing and check.rolls_back and (policy.rollback_on.failing == 1 or check.severity == "critical")
        )
        if check.weight != 1.0 and not mean:
            words = "changes nothing: only comparisons that roll back are weighed"
            yield _of(name, "weight", f"{words}, and standard ones only with `rollback_on: {{failing: 1}}`")
        if isinstance(check, ComparedCheck) and _limit(check) is None and _min_events(check) != 20:
            yield _of(name, "min_events", "changes nothing: it belongs to `limit`, and there is none")
        if isinstance(check, MetricCheck) and check.ceiling is not None and not (check.comparing and _is_mean(check)):
            yield _of(name, "ceiling", "changes nothing: it belongs to the comparison of a mean by `ratio`")


def nothing_rolls_back(policy: Policy) -> Iterator[Remark]:
    """Where each check only holds or notifies, harm goes on until a person comes."""
    if policy.budget is None and not any(check.rolls_back for check in policy.checks.values()):
        words = "never roll back, whatever they find: give at least one of them `on_fail: rollback`"
        yield Remark(("checks",), words)


def nothing_is_absolute(policy: Policy) -> Iterator[Remark]:
    """A dependency that both cohorts share can take both down: then a ratio sees no difference."""
    if policy.budget is None and not any(check.required and _absolute(check) for check in policy.checks.values()):
        words = "only compare: where both cohorts fail alike nothing stops the rollout; give one of them a `limit`"
        yield Remark(("checks",), words)


def nothing_counts_errors(policy: Policy) -> Iterator[Remark]:
    """Failing requests are often fast and cheap: other figures may look better the more of them there are."""
    counting = (ErrorRateCheck, SuccessRateCheck, BurnRateCheck)
    if policy.budget is None and not any(isinstance(c, counting) and c.required for c in policy.checks.values()):
        words = "count no errors: a candidate that fails quickly looks fast; add a check with `sli: error_rate`"
        yield Remark(("checks",), words)


def users_unseen(policy: Policy) -> Iterator[Remark]:
    """Probes that go well say little about users whose requests do not."""
    judging = [c for c in policy.checks.values() if c.required and not isinstance(c, _OF_TELEMETRY)]
    if policy.budget is None and judging and all(check.traffic == "synthetic" for check in judging):
        words = "look at synthetic traffic alone, so users' requests may fail unseen: let one look at `traffic: real`"
        yield Remark(("checks",), words)


def all_must_be_worse(policy: Policy) -> Iterator[Remark]:
    """A candidate that fails ten times as often and is as fast as ever is not rolled back by such comparisons."""
    families = {
        check.family
        for check in policy.checks.values()
        if check.comparing and check.rolls_back and check.severity == "standard"
    }
    alone = any(c.comparing and c.rolls_back and c.severity == "critical" for c in policy.checks.values())
    if policy.rollback_on.failing == len(families) > 1 and not alone:
        words = f"{len(families)} is all there are ({', '.join(sorted(families))}): the comparisons roll back only"
        yield Remark(
            ("rollback_on", "failing"), f"{words} where each of them is worse; write less, or make a check critical"
        )


def jumps_to_all(policy: Policy) -> Iterator[Remark]:
    """To promote means 100 %: what shows only under the full load shows when nobody watches any longer."""
    last = policy.stages[-1]
    if last.weight < 1.0:
        words = f"{format_share(last.weight)} is the last stage, and to promote means 100%: nobody watches that step"
        location = ("stages", len(policy.stages) - 1, "weight")
        yield Remark(location, f"{words}; end with a stage at 100%")


def data_quality_off(policy: Policy) -> Iterator[Remark]:
    """Cohorts that differ by more than the candidate's version compare apples with pears."""
    rules = policy.data_quality
    if not rules.sample_ratio:
        words = "false lets a biased split pass: the cohorts then differ by more than the version"
        yield Remark(("data_quality", "sample_ratio"), words)
    for key, share, what in (
        ("contamination", rules.contamination, "users that were in both cohorts"),
        ("unknown_cohorts", rules.unknown_cohorts, "requests that carry neither cohort"),
    ):
        if share >= SWITCHED_OFF:
            yield Remark(("data_quality", key), f"{format_share(share)} takes no notice of {what}: write 1% or so")


def loose_confidence(policy: Policy) -> Iterator[Remark]:
    """One wrong decision in ten teaches people to ignore the gate, or lets through what it is there for."""
    for key, share, wrong in (
        ("rollback", policy.confidence.rollback, "healthy candidates may be rolled back"),
        ("advance", policy.confidence.advance, "comparisons may pass a candidate that is not good enough"),
    ):
        if share > LOOSE_ALPHA:
            yield Remark(("confidence", key), f"{format_share(share)} is loose: so many {wrong}; write 10% or less")


def little_telemetry(policy: Policy) -> Iterator[Remark]:
    """Requests that fail are the ones whose events get lost: what is missing is not like the rest."""
    if policy.min_completeness < LITTLE_TELEMETRY:
        words = f"{format_share(policy.min_completeness)} advances with much of the telemetry missing"
        yield Remark(("min_completeness",), f"{words}, and failures may be among it; write 90% or more")


def nobody_to_approve(policy: Policy) -> Iterator[Remark]:
    """A stage waits for its approval without end and pages nobody: whoever looks must know whom to ask."""
    for index, stage in enumerate(policy.stages):
        if stage.approval and policy.owner is None:
            words = "waits for a person, and nobody is named: write an `owner`, whom decisions then name"
            yield Remark(("stages", index, "approval"), words)


LINTS: tuple[Lint, ...] = (
    window_outlasts_bake,
    warmup_outlasts_bake,
    limits_out_of_order,
    threshold_on_the_wrong_side,
    latency_too_close,
    wrong_tail,
    odd_errors,
    cannot_fail,
    budget_cannot_be_spent,
    never_compared,
    idle_keys,
    nothing_rolls_back,
    nothing_is_absolute,
    nothing_counts_errors,
    users_unseen,
    all_must_be_worse,
    jumps_to_all,
    data_quality_off,
    loose_confidence,
    little_telemetry,
    nobody_to_approve,
)


def blind_stage(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A stage that cannot see even ten times the baseline's figure within its bake is passed by hope."""
    for index, stage in enumerate(stages):
        blind = [name for name in stage.blind if _planned(policy.checks[name])]
        if blind:
            words = f"{format_duration(round(stage.bake_s * 1000))} is too short to see even ten times the baseline's"
            figure = f"figure by {' or '.join(blind)} at {_traffic(rps)}"
            yield Remark(("stages", index, "bake"), f"{words} {figure}: write a longer bake, or a larger weight")


def too_few_requests(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A stage that lacks `min_requests` when it is baked holds, and one that lacks them at its timeout is paused."""
    for index, (stage, planned) in enumerate(zip(policy.stages, stages, strict=True)):
        needed = planned.enough_requests * 1000.0
        takes = f"{_time(needed)} until each cohort has {policy.min_requests:,} requests at {_traffic(rps)}"
        left = None if stage.timeout_ms is None else stage.timeout_ms - (stage.warmup_ms or 0)
        if left is not None and needed >= left:
            yield Remark(("stages", index, "timeout"), f"comes first: it takes {takes}, so the stage is always paused")
        elif needed > stage.bake_ms:
            words = f"is over before there is enough to judge: it takes {takes}, and the rollout holds until then"
            yield Remark(("stages", index, "bake"), words)


def times_out_when_well(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A timeout that is shorter than what a healthy candidate needs pages a person each time."""
    for index, (stage, planned) in enumerate(zip(policy.stages, stages, strict=True)):
        if stage.timeout_ms is None:
            continue
        slow = [
            check.name
            for check in planned.checks
            if policy.checks[check.name].required and _planned(policy.checks[check.name])
            if check.advance * 1000.0 >= stage.timeout_ms - (stage.warmup_ms or 0)
        ]
        if slow:
            words = f"a candidate as good as the baseline takes longer to pass {' and '.join(slow)} at {_traffic(rps)}"
            yield Remark(("stages", index, "timeout"), f"comes first: {words}, so the stage is likely paused")


def guard_without_events(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A limit counts as broken only on `min_events` bad events: with less traffic it stops nothing."""
    for name, check in policy.checks.items():
        needed = _min_events(check)
        if needed is None or not check.required or check.traffic == "synthetic" or not _absolute(check):
            continue
        worst = 1.0 if _is_mean(check) else WORST_SHARE  # of a mean, all values count
        most = worst * rps * check.window_ms / 1000.0
        idle = [stage.name for stage in policy.stages if most * stage.weight < needed]
        if idle:
            kind = "values" if _is_mean(check) else "bad events (if half of all are)"
            words = f"at {_traffic(rps)} the window of {format_duration(check.window_ms)} has fewer than {needed:,}"
            where = f"{kind} in stage {' and '.join(idle)}"
            yield _of(
                name, "min_events", f"{words} {where}, so this guards nothing there; write less or widen `window`"
            )


def quantile_without_tail(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """Without values enough beyond it in the baseline's last minute a quantile is not compared, and never PASSes."""
    for name, check in policy.checks.items():
        tail = _tail(check)
        if tail is None or not check.comparing or not check.required or check.traffic == "synthetic":
            continue
        most = rps * TRAILING_MS / 1000.0 * tail
        idle = [stage.name for stage in policy.stages if stage.weight < 1.0 and most * (1.0 - stage.weight) < MIN_TAIL]
        if idle:
            words = f"at {_traffic(rps)} the baseline has fewer than {MIN_TAIL} values a minute beyond it in stage"
            yield _of(
                name, "quantile", f"{words} {' and '.join(idle)}, so it is never compared; write one nearer to 0.5"
            )


def share_never_known(policy: Policy, stages: tuple[StagePlan, ...], rps: float) -> Iterator[Remark]:
    """A throughput share is told from `min_requests` in its window: with fewer it never PASSes."""
    for name, check in policy.checks.items():
        if isinstance(check, ThroughputShareCheck) and check.required and check.traffic != "synthetic":
            found = rps * check.window_ms / 1000.0
            if found < policy.min_requests:
                words = (
                    f"{format_duration(check.window_ms)} holds {found:,.0f} requests at {_traffic(rps)}, and it takes"
                )
                yield _of(name, "window", f"{words} {policy.min_requests:,} to PASS; write a longer one")


PowerLint = Callable[[Policy, tuple[StagePlan, ...], float], Iterator[Remark]]

POWER_LINTS: tuple[PowerLint, ...] = (
    blind_stage,
    too_few_requests,
    times_out_when_well,
    guard_without_events,
    quantile_without_tail,
    share_never_known,
)


def _of(name: str, key: str, message: str) -> Remark:
    return Remark(("checks", name, key), message)


def _limit(check: AnyCheck) -> float | None:
    """The absolute limit of a check that may compare; None where there is none."""
    return check.limit_ms if isinstance(check, LatencyCheck) else getattr(check, "limit", None)


def _min_events(check: AnyCheck) -> int | None:
    return None if isinstance(check, _OF_TELEMETRY) else check.min_events


def _absolute(check: AnyCheck) -> bool:
    """Whether it holds the candidate against a figure of its own, whatever the baseline does."""
    return isinstance(check, BurnRateCheck) or (isinstance(check, ComparedCheck) and _limit(check) is not None)


def _looks_at_window(check: AnyCheck) -> bool:
    return not isinstance(check, ComparedCheck) or _limit(check) is not None


def _is_mean(check: AnyCheck) -> bool:
    return isinstance(check, MetricCheck) and check.quantile is None


def _planned(check: AnyCheck) -> bool:
    """Whether a plan by error share fits it: of a metric's mean the baseline's level is not known beforehand."""
    return check.required and not _is_mean(check) and check.traffic != "synthetic"


def _quantile_limit(check: AnyCheck) -> tuple[tuple[str, str, int], str, float, float] | None:
    """What a quantile is taken of and over which window, which way is better, the quantile and its limit."""
    if isinstance(check, LatencyCheck) and check.limit_ms is not None:
        return ("latency", check.traffic, check.window_ms), "lower", check.quantile, float(check.limit_ms)
    if isinstance(check, MetricCheck) and check.quantile is not None and check.limit is not None:
        return (check.metric, check.traffic, check.window_ms), check.better, check.quantile, check.limit
    return None


def _tail(check: AnyCheck) -> float | None:
    """The share of values beyond the quantile, on its bad side; None where no quantile is looked at."""
    if isinstance(check, LatencyCheck):
        return 1.0 - check.quantile
    if isinstance(check, MetricCheck) and check.quantile is not None:
        return 1.0 - check.quantile if check.better == "lower" else check.quantile
    return None


def _traffic(rps: float) -> str:
    return f"{rps:g} requests a second"


def _time(ms: float) -> str:
    return format_duration(max(1, round(ms / 1000.0)) * 1000)
