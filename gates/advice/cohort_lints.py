"""Lints of the cohorts' names: the new version as the baseline would be measured against the old one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gates.advice.remarks import Remark
from gates.policy import Policy

NEW = frozenset(("canary", "candidate", "new", "next", "treatment", "experiment"))
OLD = frozenset(("stable", "baseline", "control", "old", "current", "previous"))


def swapped_cohorts(policy: Policy) -> Iterator[Remark]:
    """A swapped pair rolls back the version that works, and promotes the traffic to the old one."""
    baseline, candidate = policy.cohorts.baseline, policy.cohorts.candidate
    if _means(baseline, NEW, OLD) or _means(candidate, OLD, NEW):
        # A name of both kinds, such as stable-next, is no sign; nor is one that the other cohort has as well.
        if (_words(baseline) & NEW and _words(candidate) & NEW) or (_words(baseline) & OLD and _words(candidate) & OLD):
            return
        yield Remark(
            ("cohorts",),
            f"the baseline {baseline} and the candidate {candidate} look swapped: the baseline is the version that "
            "already serves traffic, the candidate the one being released; swap them",
        )


def _means(name: str, words: frozenset[str], others: frozenset[str]) -> bool:
    found = _words(name)
    return bool(found & words) and not found & others


def _words(name: str) -> frozenset[str]:
    """The words of a name in lower case, without numbers: of `Canary-2`, canary."""
    return frozenset(re.findall("[a-z]+", name.lower()))


COHORT_LINTS = (swapped_cohorts,)
