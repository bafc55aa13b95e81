"""What the comparisons say together: whether the rollout is to be rolled back, and which of them are to blame.

The error probability `confidence.rollback` is spent once for all of them. With `rollback_on: {failing: 1}` their
weighted mean must reach 1/alpha (Vovk and Wang, Annals of Statistics 2021). With `failing: u` the critical ones roll
back by their mean, and the standard ones by partial conjunction over the means of their families, each at half of
alpha. Blame is by closed testing of the same means, so that it holds for all of those blamed at once (Hartog and Lei,
arXiv 2501.09015). A comparison that does not roll back answers for itself, at the whole of alpha.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from typing import Protocol

from gates.evidence_view import Thresholds
from gates.stats.combination import blamed, family_means, partial_conjunction, weighted_mean


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
class Together:
    """All comparisons as one e-value, what it must reach for a rollback, and the checks that are convicted."""

    e_value: float | None
    threshold: float
    convicted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Jury:
    """The comparisons of a policy, by the part they play."""

    mean: Mapping[str, Member]
    conjunction: Mapping[str, Member]
    alone: Mapping[str, Member]
    alpha: float
    failing: int

    @property
    def _shared_alpha(self) -> float:
        """What each of the two groups that may roll back has to spend."""
        return self.alpha / (2.0 if self.mean and self.conjunction else 1.0)

    @classmethod
    def of(cls, checks: Mapping[str, Member], alpha: float, failing: int) -> Jury:
        """Who decides how: the comparing `checks` by name, `confidence.rollback` and `rollback_on.failing`."""
        rolling = {name: check for name, check in checks.items() if check.rolls_back}
        several = {name: check for name, check in rolling.items() if failing > 1 and check.severity == "standard"}
        mean = {name: check for name, check in rolling.items() if name not in several}
        alone = {name: check for name, check in checks.items() if name not in rolling}
        return cls(mean, several, alone, alpha, failing)

    def threshold(self, name: str, advance: float) -> Thresholds:
        """What this comparison needs to convict while all the others have nothing against the candidate."""
        if name in self.mean:
            share = self._shared_alpha * self.mean[name].weight / fsum(check.weight for check in self.mean.values())
        elif name in self.conjunction:
            family = self.conjunction[name].family
            share = self._shared_alpha / sum(check.family == family for check in self.conjunction.values())
        else:
            share = self.alpha
        return Thresholds(1.0 / share, 1.0 / advance)

    def verdict(self, e_values: Mapping[str, float]) -> Together:
        """What they say; all e-values are of the same pane."""
        threshold = 1.0 / self._shared_alpha
        convicted = {name for name in self.alone if e_values[name] >= 1.0 / self.alpha}
        found: list[float] = []
        if self.mean:
            values = [e_values[name] for name in self.mean]
            weights = [check.weight for check in self.mean.values()]
            found.append(weighted_mean(values, weights))
            if found[-1] >= threshold:
                indices = blamed(values, weights, threshold)
                convicted.update(name for index, name in enumerate(self.mean) if index in indices)
        if self.conjunction:
            found.append(self._conjunction(e_values, convicted, threshold))
        return Together(max(found, default=None), threshold, frozenset(convicted))

    def _conjunction(self, e_values: Mapping[str, float], convicted: set[str], threshold: float) -> float:
        """The e-value against "fewer than `failing` families are worse"; convicts the worst check of each that is."""
        families = {name: check.family for name, check in self.conjunction.items()}
        means = family_means({name: e_values[name] for name in self.conjunction}, dict(families))
        found = partial_conjunction(list(means.values()), self.failing)
        if found >= threshold:
            for family in sorted(means, key=lambda word: -means[word])[: self.failing]:
                members = [name for name in self.conjunction if families[name] == family]
                convicted.add(max(members, key=lambda name: e_values[name]))
        return found
