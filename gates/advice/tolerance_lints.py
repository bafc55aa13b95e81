"""Lints of tolerances: too long to notice anything, or so tight that noise breaks them or that they have no effect."""

from __future__ import annotations

from collections.abc import Iterator

from gates.advice.remarks import Remark, of_check
from gates.documents.quantities import DAY_MS, HOUR_MS, format_duration, format_share
from gates.evidence.request_share import LEAST_TOLERANCE
from gates.policy import Policy

ALL_BUT_EVERYTHING = 0.9999

TIGHT_RATIO = 1.1
"""Below it, errors that come together make equal cohorts differ by more than is tolerated."""


def long_silence(policy: Policy) -> Iterator[Remark]:
    """A cohort without a request is one that nobody can judge, and often one that does not answer."""
    for key, silence, longest, then, example in (
        ("hold_after", policy.no_data.hold_after_ms, HOUR_MS, "holds", "30s"),
        ("pause_after", policy.no_data.pause_after_ms, DAY_MS - 1, "pages a person", "5m"),
    ):
        if silence > longest:
            yield Remark(
                ("no_data", key),
                f"{format_duration(silence)} lets a cohort be without any request for that long before the rollout "
                f"{then}; write {example}, or a few times the longest gap of healthy traffic",
            )


def nothing_may_be_late(policy: Policy) -> Iterator[Remark]:
    """Completeness is counted from the beginning of a stage: one late event is never made good."""
    if policy.min_completeness > ALL_BUT_EVERYTHING:
        allowed = 1.0 - policy.min_completeness
        late = f"more than 1 late event in {round(1.0 / allowed):,}" if allowed > 0.0 else "a single late event"
        yield Remark(
            ("min_completeness",),
            f"{format_share(policy.min_completeness)} keeps a stage from passing after {late}; write 99% or 99.9%",
        )


def split_without_effect(policy: Policy) -> Iterator[Remark]:
    """Routers split in coarse steps, so that a difference below one percentage point is never a doubt."""
    split = policy.data_quality.split
    weights = [min(stage.weight, 1.0 - stage.weight) for stage in policy.stages if stage.weight < 1.0]
    if split is None or not weights or split * max(weights) >= LEAST_TOLERANCE:
        return
    most, always = 100.0 * split * max(weights), 100.0 * LEAST_TOLERANCE
    yield Remark(
        ("data_quality", "split"),
        f"has no effect: {format_share(split)} of the smaller cohort's weight is at most {most:.2g} percentage points, "
        f"and {always:g} is always accepted; remove it, or write 50% or so",
    )


def nothing_tolerated(policy: Policy) -> Iterator[Remark]:
    """Errors that come together for a minute differ between equal cohorts; only emitters show that they do."""
    if policy.confidence.dispersion is not None or any(check.counts_emitters for check in policy.checks.values()):
        return
    for name, check in policy.checks.items():
        compared = check.compared
        if compared is not None and compared.clusters and compared.ratio < TIGHT_RATIO and check.rolls_back:
            yield of_check(
                name,
                "ratio",
                f"{compared.ratio:g} tolerates hardly any difference, and where errors come together for a minute, "
                "equal cohorts differ; write 1.25 or more and send `emitter` in the events, or state "
                "`confidence: {dispersion: ...}`",
            )


def assumed_independent(policy: Policy) -> Iterator[Remark]:
    """The promise of the rule of single events ends where errors are not independent."""
    if policy.confidence.dispersion == 1.0 and any(check.comparing for check in policy.checks.values()):
        yield Remark(
            ("confidence", "dispersion"),
            "1 assumes that each error comes by itself: where sessions fail as a whole, or an instance pauses, 27% to "
            "100% of healthy rollouts were rolled back in simulations; remove it unless errors are known to be "
            "independent",
        )


TOLERANCE_LINTS = (nothing_tolerated, assumed_independent, long_silence, nothing_may_be_late, split_without_effect)
