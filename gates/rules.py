"""The rules of judging, pinned to each epoch: a journal folds to the same decisions after an upgrade.

A change of judging becomes a switch here and a new number in `RULES`. An epoch keeps the number that its start has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class JudgingRules:
    """One switch for each change of judging.

    `cohort_completeness`: completeness is that of the least complete cohort, and counts unreadable, refused and clamped
    events; before, it was the share of both cohorts' events that were not late.
    """

    cohort_completeness: bool


RULES: Final[Mapping[int, JudgingRules]] = {
    1: JudgingRules(cohort_completeness=False),
    2: JudgingRules(cohort_completeness=True),
}
"""The rules by number. A start without a number, which an older build has written, has number 1."""

CURRENT: Final = max(RULES)
"""The number that a new start gets."""
