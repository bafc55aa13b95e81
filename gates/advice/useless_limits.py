"""Lints of limits that never decide, because another one is always broken first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from gates.advice.remarks import Remark, of_check
from gates.policy import Policy
from gates.slis.definition import CheckDefinition

GRAVITY = ("notify", "hold", "pause", "rollback")


def useless_limit(policy: Policy) -> Iterator[Remark]:
    """Of two limits on the same figure over the same window the looser one gives false assurance.

    A check that compares as well is left alone: it may need its limit for the stage at 100%. So is an advisory one,
    which may be meant for people, and one with a graver consequence.
    """
    found: set[str] = set()
    for (tight, one), (loose, other) in permutations(policy.checks.items(), 2):
        if loose not in found and tight not in found and _covers(one, other):
            found.add(loose)
            yield of_check(
                loose,
                "limit",
                f"never decides: wherever it is broken, the limit of {tight} over the same window is broken as well; "
                "remove the check, or make its limit the stricter one",
            )


def _covers(tight: CheckDefinition, loose: CheckDefinition) -> bool:
    if not tight.required or not loose.required or loose.comparing:
        return False
    first, second = tight.comparable_limit, loose.comparable_limit
    graver = GRAVITY.index(tight.on_fail) >= GRAVITY.index(loose.on_fail)
    return graver and first is not None and second is not None and first.covers(second)


LIMIT_LINTS = (useless_limit,)
