"""Lints of a policy as a whole: conditions that can never be met, and harm that no check would notice.

Each lint is one small function, with the reason in its docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from gates.advice.remarks import Remark, of_check
from gates.documents.outcomes import Outcome
from gates.documents.quantities import format_duration, format_share
from gates.policy import Policy
from gates.slis.error_classes import failures_left_open, left_open

LOOSE_ALPHA = 0.1
LITTLE_TELEMETRY = 0.9
SWITCHED_OFF = 0.5
"""A tolerated share of unfit data from which on the rule has hardly any effect."""

Lint = Callable[[Policy], Iterator[Remark]]


def window_outlasts_bake(policy: Policy) -> Iterator[Remark]:
    """A window longer than a bake still holds requests from before the stage when the stage ends."""
    stage = min(policy.stages, key=lambda each: each.bake_ms)
    for name, check in policy.checks.items():
        if check.window_ms > stage.bake_ms and (check.absolute or not check.may_compare):
            length, bake = format_duration(check.window_ms), format_duration(stage.bake_ms)
            yield of_check(
                name,
                "window",
                f"{length} is longer than the bake of stage {stage.name} ({bake}), so the stage may end before the "
                "window holds its requests only; shorten `window` or lengthen `bake`",
            )


def warmup_outlasts_bake(policy: Policy) -> Iterator[Remark]:
    """Most of the stage would be ignored."""
    for index, stage in enumerate(policy.stages):
        if (stage.warmup_ms or 0) > stage.bake_ms:
            warmup, bake = format_duration(stage.warmup_ms or 0), format_duration(stage.bake_ms)
            yield Remark(
                ("stages", index, "warmup"),
                f"{warmup} is longer than the bake ({bake}): more of the stage is ignored than compared",
            )


def limits_out_of_order(policy: Policy) -> Iterator[Remark]:
    """Where a quantile is beyond a limit, all higher ones are too: a looser limit on the lower one never decides."""
    limits = [
        (name, check.quantile_limit)
        for name, check in policy.checks.items()
        if check.rolls_back and check.quantile_limit is not None
    ]
    for (one, first), (other, second) in combinations(limits, 2):
        if (first.source, first.higher_is_better) != (second.source, second.higher_is_better):
            continue
        low, high = sorted(((first.quantile, first.limit, one), (second.quantile, second.limit, other)))
        if low[0] < high[0] and low[1] > high[1]:
            loose, tight = (high[2], low[2]) if first.higher_is_better else (low[2], high[2])
            yield of_check(
                loose,
                "limit",
                f"never decides: wherever it is broken, the limit of {tight} is broken as well; put the limits in the "
                "order of the quantiles",
            )


def never_compared(policy: Policy) -> Iterator[Remark]:
    """Where every stage is at 100%, no baseline is left, and a ratio only applies to the limit."""
    if any(stage.weight < 1.0 for stage in policy.stages):
        return
    for name, check in policy.checks.items():
        if check.comparing:
            yield of_check(
                name, "ratio", "has no baseline to compare with: every stage is at 100%; begin with a smaller one"
            )


def idle_weight(policy: Policy) -> Iterator[Remark]:
    """A weight without effect was written for something that does not happen."""
    for name, check in policy.checks.items():
        in_mean = policy.rollback_on.failing == 1 or check.severity == "critical"
        if check.weight != 1.0 and not (check.comparing and check.rolls_back and in_mean):
            yield of_check(
                name,
                "weight",
                "has no effect: only comparisons that roll back have weights, and standard ones only with "
                "`rollback_on: {failing: 1}`; remove it",
            )


def nothing_rolls_back(policy: Policy) -> Iterator[Remark]:
    """Where each check only holds or notifies, harm continues until a person comes."""
    if not any(each.rolls_back for each in policy.judged.values()):
        yield Remark(("checks",), "no check ever rolls back; write `on_fail: rollback` for at least one")


def nothing_is_absolute(policy: Policy) -> Iterator[Remark]:
    """A dependency that both cohorts share can take both down, and a ratio then finds no difference."""
    if not any(each.required and each.absolute for each in policy.judged.values()):
        yield Remark(
            ("checks",),
            "every check only compares: if both cohorts fail equally, nothing stops the rollout; add `limit` to one "
            "check, or a `budget`",
        )


def nothing_counts_errors(policy: Policy) -> Iterator[Remark]:
    """Failing requests are often fast and cheap: other figures may improve the more of them there are."""
    if not any(each.counts_errors and each.required for each in policy.judged.values()):
        yield Remark(
            ("checks",),
            "no check counts errors: a candidate that fails quickly looks fast; add a check that does",
        )


def outcomes_left_open(policy: Policy) -> Iterator[Remark]:
    """A candidate that answers 404 or 429 to each request has no errors where only 5xx are: that should be meant."""
    errors = _errors_counted(policy)
    if words := left_open(errors, policy.not_errors or ()):
        declared = ", ".join(map(str, (*(policy.not_errors or ()), *words)))
        yield Remark(
            ("not_errors",),
            f"no check counts {' or '.join(words)} as errors, so a candidate that answers nothing else would pass; add "
            f"those that are errors to `errors`, such as 429, or write `not_errors: [{declared}]` if none is",
        )


def failures_uncounted(policy: Policy) -> Iterator[Remark]:
    """A candidate that never answers has status 0, which is no 5xx; and one that fails has 500 as well as 503."""
    if found := failures_left_open(_errors_counted(policy), policy.not_errors or ()):
        words = [
            f"{word} other than {' and '.join(map(str, counted))}" if counted else word
            for word, counted in found.items()
        ]
        unanswered = ", which has requests without an answer," if "error" in found else ""
        yield Remark(
            ("checks",),
            f"no check counts {' or '.join(words)}{unanswered} as errors, so a candidate that only fails in this way "
            f"would pass; add {' and '.join(found)} to `errors`, or name in `not_errors` what is no error",
        )


def _errors_counted(policy: Policy) -> list[Outcome]:
    """What some check counts as an error; each definition that counts by outcome has the key `errors`."""
    return list(dict.fromkeys(outcome for each in policy.judged.values() for outcome in getattr(each, "errors", ())))


def users_unseen(policy: Policy) -> Iterator[Remark]:
    """Probes that succeed are no proof that users' requests do."""
    judging = [each for each in policy.judged.values() if each.required and each.measures_requests]
    if judging and all(each.sample == "synthetic" for each in judging):
        yield Remark(
            ("checks",),
            "every check measures synthetic traffic only, so users' requests may fail unnoticed; write `traffic: real` "
            "for one",
        )


def all_must_be_worse(policy: Policy) -> Iterator[Remark]:
    """A candidate that fails ten times as often and is as fast as ever is not rolled back by such comparisons."""
    rolling = [check for check in policy.checks.values() if check.comparing and check.rolls_back]
    families = {check.family for check in rolling if check.severity == "standard"}
    alone = any(check.severity == "critical" for check in rolling)
    if policy.rollback_on.failing == len(families) > 1 and not alone:
        yield Remark(
            ("rollback_on", "failing"),
            f"{len(families)} is the number of all families ({', '.join(sorted(families))}), so the comparisons roll "
            "back only if each family is worse; lower `failing`, or write `severity: critical` for a check",
        )


def jumps_to_all(policy: Policy) -> Iterator[Remark]:
    """A promotion sends 100%: what shows only under the full load shows when nothing is judged any more."""
    last = policy.stages[-1]
    if last.weight < 1.0:
        yield Remark(
            ("stages", len(policy.stages) - 1, "weight"),
            f"{format_share(last.weight)} is the last stage, so the step to 100% (the promotion) is not judged; add a "
            "stage at 100%",
        )


def data_quality_off(policy: Policy) -> Iterator[Remark]:
    """Cohorts that differ by more than the candidate's version cannot be compared."""
    rules = policy.data_quality
    if not rules.sample_ratio:
        yield Remark(
            ("data_quality", "sample_ratio"),
            "false accepts a biased split, where cohorts differ by more than the version; remove it",
        )
    if rules.split == 1.0:
        yield Remark(
            ("data_quality", "split"),
            "100% accepts any split of the requests, and a candidate that gets none of the ordered traffic passes; "
            "remove it, or write 50% or so",
        )
    for key, share, what in (
        ("contamination", rules.contamination, "users that were in both cohorts"),
        ("unknown_cohorts", rules.unknown_cohorts, "requests that name neither cohort"),
    ):
        if share >= SWITCHED_OFF:
            yield Remark(("data_quality", key), f"{format_share(share)} ignores {what}; write 1% or so")


def loose_confidence(policy: Policy) -> Iterator[Remark]:
    """One wrong decision in ten teaches people to ignore the gate, or lets harm pass."""
    for key, share, wrong in (
        ("rollback", policy.confidence.rollback, "healthy candidates are rolled back"),
        ("advance", policy.confidence.advance, "comparisons pass a candidate that is not good enough"),
    ):
        if share > LOOSE_ALPHA:
            yield Remark(
                ("confidence", key), f"{format_share(share)} is loose: up to that share of {wrong}; write 10% or less"
            )


def little_telemetry(policy: Policy) -> Iterator[Remark]:
    """Failing requests are the likeliest to lose their events: what is missing differs from the rest."""
    if policy.min_completeness < LITTLE_TELEMETRY:
        yield Remark(
            ("min_completeness",),
            f"{format_share(policy.min_completeness)} advances with much of the telemetry missing, perhaps the "
            "failures; write 90% or more",
        )


def nobody_to_approve(policy: Policy) -> Iterator[Remark]:
    """A stage waits for its approval without end and pages nobody: decisions must name whom to ask."""
    for index, stage in enumerate(policy.stages):
        if stage.approval and policy.owner is None:
            yield Remark(
                ("stages", index, "approval"),
                "the stage waits for an approval, and no decision names whom to ask; add `owner`",
            )


def reminder_after_the_deadline(policy: Policy) -> Iterator[Remark]:
    """A pause that ends by its deadline is never reminded of."""
    rules = policy.pause
    if rules is not None and rules.deadline_ms is not None and (rules.remind_after_ms or 0) >= rules.deadline_ms:
        after, deadline = format_duration(rules.remind_after_ms or 0), format_duration(rules.deadline_ms)
        yield Remark(
            ("pause", "remind_after"),
            f"{after} is not shorter than the deadline ({deadline}), so no reminder is ever sent; shorten it, or "
            "remove it",
        )


def nothing_to_share(policy: Policy) -> Iterator[Remark]:
    """A shared cause is a limit that both cohorts break; comparisons alone find none."""
    if policy.on_shared_cause is not None and not any(
        each.rolls_back and each.absolute for each in policy.judged.values()
    ):
        yield Remark(
            ("on_shared_cause",), "has no effect: no check that rolls back has a `limit`; add one, or remove this key"
        )


POLICY_LINTS: tuple[Lint, ...] = (
    window_outlasts_bake,
    warmup_outlasts_bake,
    limits_out_of_order,
    never_compared,
    idle_weight,
    nothing_rolls_back,
    nothing_is_absolute,
    nothing_counts_errors,
    outcomes_left_open,
    failures_uncounted,
    users_unseen,
    all_must_be_worse,
    jumps_to_all,
    data_quality_off,
    loose_confidence,
    little_telemetry,
    nobody_to_approve,
    reminder_after_the_deadline,
    nothing_to_share,
)
