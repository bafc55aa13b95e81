"""Lints of the stages: how far the traffic steps, how each stage begins, and how long they all take."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import sqrt

from gates.advice.remarks import Remark
from gates.documents.quantities import DAY_MS, format_duration, format_share
from gates.policy import Policy

BIG_STEP = 10.0
ROUNDING = 1e-9
"""Shares are read as floats: 90% may be a hair more than ten times 9%."""

MOST_USERS = 0.5
"""Steps that end below this share leave most users alone if something shows only under load."""

JOURNAL_KEPT_MS = 30 * DAY_MS
"""How long the topic of the journal is kept by default (docs/topics.md)."""


def big_step(policy: Policy) -> Iterator[Remark]:
    """What breaks under load (pools, caches, locks) shows first at the large weight, and there it hits most users."""
    for index, (before, after) in enumerate(pairwise(policy.stages), start=1):
        if after.weight > BIG_STEP * before.weight * (1.0 + ROUNDING) and after.weight >= MOST_USERS:
            between = f"{100.0 * sqrt(before.weight * after.weight):.1g}"
            yield Remark(
                ("stages", index, "weight"),
                f"{format_share(after.weight)} is {after.weight / before.weight:.3g} times the "
                f"{format_share(before.weight)} of stage {before.name}, so what breaks only under load reaches most "
                f"users at once; add a stage between them, such as {float(between):g}%",
            )


def compares_when_cold(policy: Policy) -> Iterator[Remark]:
    """A candidate that has just started fills its caches, and its slow first requests are evidence all epoch long."""
    first = policy.stages[0]
    names = [
        name
        for name, check in policy.checks.items()
        if check.comparing and check.rolls_back and not check.counts_errors
    ]
    if names and first.weight < 1.0 and first.warmup_ms is None:
        yield Remark(
            ("stages", 0, "warmup"),
            f"is missing: {' and '.join(names)} would compare from 0s after the confirmation on, when the candidate's "
            "caches are cold and its requests slow; write `warmup: 30s` or so",
        )


def outlasts_journal(policy: Policy) -> Iterator[Remark]:
    """A decision is explained by its journal, from the start on; what the topic has dropped cannot be replayed."""
    least = 0
    for index, stage in enumerate(policy.stages):
        least += (stage.warmup_ms or 0) + stage.bake_ms
        if least > JOURNAL_KEPT_MS:
            yield Remark(
                ("stages", index, "bake"),
                f"the rollout takes at least {format_duration(least)} to the end of stage {stage.name}, and the "
                f"journal is kept for {format_duration(JOURNAL_KEPT_MS)} by default, so it could not be replayed from "
                "its start; shorten `bake`, or keep the topic gate-journal for longer",
            )
            return


def proof_without_comparison(policy: Policy) -> Iterator[Remark]:
    """Limits pass without any proof, so where nothing compares the key changes nothing."""
    if any(check.required and check.comparing for check in policy.checks.values()):
        return
    for index, stage in enumerate(policy.stages):
        if not stage.proves:
            yield Remark(("stages", index, "proof"), "has no effect: no check that must pass compares; remove it")


def promoted_without_proof(policy: Policy) -> Iterator[Remark]:
    """The stage with the most traffic proves the most, and after the last one nobody looks any more."""
    compares = any(check.required and check.comparing for check in policy.checks.values())
    if compares and not any(stage.proves for stage in policy.stages):
        yield Remark(
            ("stages", len(policy.stages) - 1, "proof"),
            "is false in every stage, so the candidate is promoted without ever having been shown to be good; remove "
            "it from the last stage, where the candidate has most traffic",
        )


STAGE_LINTS = (big_step, compares_when_cold, outlasts_journal, proof_without_comparison, promoted_without_proof)
