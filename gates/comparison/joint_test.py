"""The joint test: whether all comparisons together roll back, and for which checks the null is rejected.

The null of a check is that the candidate is no worse than its `ratio` allows. The error probability
`confidence.rollback` (alpha) is spent once, for all comparisons that may roll back. With `rollback_on: {failing: 1}`
their weighted mean must reach 1/alpha (Vovk and Wang, Annals of Statistics 2021). With `failing: u` the critical checks
roll back by their mean, and the standard ones by partial conjunction over the means of their families, each of the two
ways at half of alpha. The nulls to reject are found by closed testing of the same means, so that the error probability
holds for all of them at once (Hartog and Lei, arXiv 2501.09015). A comparison that does not roll back is tested alone,
at the whole of alpha: it ends nothing, so it takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from typing import Protocol

from gates.evidence_view import Thresholds
from gates.stats.combination import closed_testing, family_means, partial_conjunction, weighted_mean


class Member(Protocol):
    """What decides which part a check plays: the fields of its definition in the policy."""

    @property
    def rolls_back(self) -> bool:
        """Whether its FAIL is a reason to roll back."""

    @property
    def severity(self) -> str:
        """Whether it rolls back by itself (critical) or with others (standard)."""

    @property
    def family(self) -> str:
        """Checks of one family count once."""

    @property
    def weight(self) -> float:
        """How much it counts in the mean."""


@dataclass(frozen=True, slots=True)
class JointResult:
    """All comparisons that may roll back as one e-value, its threshold, and the checks whose null is rejected."""

    e_value: float | None
    threshold: float
    rejected: frozenset[str]


@dataclass(frozen=True, slots=True)
class JointTest:
    """The comparisons of a policy: those tested by their mean, by partial conjunction, and each alone."""

    mean: Mapping[str, Member]
    conjunction: Mapping[str, Member]
    alone: Mapping[str, Member]
    alpha: float
    failing: int

    @property
    def _shared_alpha(self) -> float:
        """What each of the two ways to roll back may spend."""
        return self.alpha / (2.0 if self.mean and self.conjunction else 1.0)

    @classmethod
    def of(cls, checks: Mapping[str, Member], alpha: float, failing: int) -> JointTest:
        """The joint test of the comparing `checks`, at `confidence.rollback` and `rollback_on.failing`."""
        rolling = {name: check for name, check in checks.items() if check.rolls_back}
        several = {name: check for name, check in rolling.items() if failing > 1 and check.severity == "standard"}
        mean = {name: check for name, check in rolling.items() if name not in several}
        alone = {name: check for name, check in checks.items() if name not in rolling}
        return cls(mean, several, alone, alpha, failing)

    def thresholds(self, name: str, advance: float) -> Thresholds:
        """The e-values that this comparison needs: for a rollback, while all the others are 0; and for an advance."""
        if name in self.mean:
            share = self._shared_alpha * self.mean[name].weight / fsum(check.weight for check in self.mean.values())
        elif name in self.conjunction:
            family = self.conjunction[name].family
            share = self._shared_alpha / sum(check.family == family for check in self.conjunction.values())
        else:
            share = self.alpha
        return Thresholds(1.0 / share, 1.0 / advance)

    def evaluate(self, e_values: Mapping[str, float]) -> JointResult:
        """Test the e-values for a worse candidate, by check; all of the same pane."""
        threshold = 1.0 / self._shared_alpha
        rejected = {name for name in self.alone if e_values[name] >= 1.0 / self.alpha}
        found: list[float] = []
        if self.mean:
            values = [e_values[name] for name in self.mean]
            weights = [check.weight for check in self.mean.values()]
            found.append(weighted_mean(values, weights))
            if found[-1] >= threshold:
                indices = closed_testing(values, weights, threshold)
                rejected.update(name for index, name in enumerate(self.mean) if index in indices)
        if self.conjunction:
            found.append(self._conjunction(e_values, rejected, threshold))
        return JointResult(max(found, default=None), threshold, frozenset(rejected))

    def _conjunction(self, e_values: Mapping[str, float], rejected: set[str], threshold: float) -> float:
        """The e-value against "fewer than `failing` families are worse"; adds the worst check of each to `rejected`."""
        families = {name: check.family for name, check in self.conjunction.items()}
        means = family_means({name: e_values[name] for name in self.conjunction}, dict(families))
        found = partial_conjunction(list(means.values()), self.failing)
        if found >= threshold:
            for family in sorted(means, key=lambda word: -means[word])[: self.failing]:
                members = [name for name in self.conjunction if families[name] == family]
                rejected.add(max(members, key=lambda name: e_values[name]))
        return found
