"""Sequential sample-ratio mismatch: evidence that the cohorts do not get the shares of the traffic that were planned.

What is counted are assignment units (users, sessions), each once, in the cohort where it was first seen; requests would
not do, because one heavy user makes many. Under the null every unit falls to cohort j with the planned probability
theta_j, whatever came before. The alternative spreads its bets around the plan by a Dirichlet distribution with
parameters `concentration * theta_j`, so the e-value is the Bayes factor of a Dirichlet-multinomial against the plan
(Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022, arXiv 2011.03567).

The weights of one process are fixed. New weights need a new process, started when they are in force, because units that
came by the old weights must not be compared with the new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, fsum, isfinite, lgamma, log

CONCENTRATION = 10_000.0
"""How closely the alternative keeps to the plan, in units: a larger one finds smaller mismatches, but later."""

_LOG_LARGEST = 690.0  # e-values are reported up to exp(690), so that they stay finite


def log_bayes_factor(units: Sequence[int], shares: Sequence[float], concentration: float = CONCENTRATION) -> float:
    """Log Bayes factor of the counts `units` against the planned `shares`, which are positive and sum to 1.

    Both have one entry a cohort. Without units it is 0; with a single cohort there is nothing to compare, and it is 0.

    >>> round(log_bayes_factor([120, 9880], [0.01, 0.99]), 9)
    0.584166015
    """
    terms = [lgamma(concentration), -lgamma(concentration + sum(units))]
    for count, share in zip(units, shares, strict=True):
        prior = concentration * share
        terms += [lgamma(prior + count), -lgamma(prior), -count * log(share)]
    return fsum(terms)


@dataclass(slots=True)
class SampleRatio:
    """An e-process over the units of k cohorts.

    `weights` are the planned weights, one a cohort, in any unit (shares, per cent). A cohort with a planned weight of 0
    is left out, and the others are compared among themselves: any unit of it would make the evidence infinite, and
    traffic that no plan foresees has a check of its own.

    >>> process = SampleRatio((90, 10))
    >>> process.update([9_000, 1_000])
    >>> process.get() < 1.0
    True
    >>> process.update([8_000, 2_000])
    >>> process.get() > 100.0
    True

    Raises:
        ValueError: there is no cohort, a weight is negative or not finite, or all are 0.
    """

    weights: Sequence[float]
    concentration: float = CONCENTRATION
    units: list[int] = field(default_factory=list)
    _value: float | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        total = fsum(self.weights)
        if not isfinite(total) or total <= 0.0 or min(self.weights) < 0.0:
            raise ValueError(f"weights must be finite, 0 or more, and not all 0; found {list(self.weights)}")
        self.weights = tuple(float(weight) for weight in self.weights)
        self.units = [0] * len(self.weights)

    def update(self, units: Sequence[int]) -> None:
        """Count units that were seen for the first time, one number a cohort.

        Raises:
            ValueError: there is not one number a cohort, or one is negative.
        """
        if len(units) != len(self.units) or min(units) < 0:
            raise ValueError(f"{list(units)} are not counts of {len(self.units)} cohorts")
        if any(units):
            self.units = [known + new for known, new in zip(self.units, units, strict=True)]
            self._value = None

    def get(self) -> float:
        """The e-value: 1 at the start, large where the planned shares are not kept; finite."""
        if self._value is None:  # asked for each pane, and changed by few where events name no users
            total = fsum(self.weights)
            planned = [
                (count, weight / total) for count, weight in zip(self.units, self.weights, strict=True) if weight
            ]
            units, shares = zip(*planned, strict=True)
            self._value = exp(min(log_bayes_factor(units, shares, self.concentration), _LOG_LARGEST))
        return self._value

    def dump(self) -> tuple[float, list[float], list[int]]:
        """State for a snapshot; `load` continues from it bit for bit."""
        # The 0 is a field of earlier builds. It stays, so that builds of both ages read each other's snapshots.
        return 0.0, list(self.weights), list(self.units)

    def load(self, state: tuple[float, Sequence[float], Sequence[int]]) -> None:
        """Continue from what `dump` returned."""
        _, weights, units = state
        self.weights, self.units, self._value = tuple(weights), list(units), None
