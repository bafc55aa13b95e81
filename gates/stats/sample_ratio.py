"""Sequential sample-ratio mismatch: evidence that the cohorts do not get the shares of the traffic that were planned.

What is counted are assignment units (users, sessions), each once, in the cohort where it was first seen; requests would
not do, because one heavy user makes many. Under the null every unit falls to cohort j with the planned probability
theta_j, whatever came before. The alternative spreads its bets around the plan by a Dirichlet distribution with
parameters `concentration * theta_j`, so the e-value is the Bayes factor of a Dirichlet-multinomial against the plan
(Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022, arXiv 2011.03567).

A planned change of the weights starts a new process, and the e-values multiply. That is valid because each Bayes
factor is, given all that was seen before its first unit, a non-negative martingale that starts at 1: its expectation
is 1 whatever the weights, as long as these were settled before the units came. The new one is multiplied onto a value
that is then fixed, so the product is again a martingale that starts at 1, and Ville's inequality holds for the whole
rollout: the probability that it ever reaches 1/alpha is at most alpha. (A mean of the processes would be valid too, but
would throw away what the earlier ones found.) It matters not why the weights were changed, only that units which came
by the old weights are not counted by the new: replan when the new weights are in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, fsum, isfinite, lgamma, log

CONCENTRATION = 10_000.0
"""How closely the alternative keeps to the plan: worth so many units. Large finds small mismatches, slowly."""

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

    `weights` are the planned weights, one a cohort, in any unit (shares, per cent). A cohort planned to get nothing is
    left out: its units say nothing here (they are a matter for the check on stray traffic), and the others are compared
    among themselves. State is the units counted under the current weights, and the log evidence of the weights before.

    >>> process = SampleRatio((90, 10))
    >>> process.update([9_000, 1_000])
    >>> process.get() < 1.0
    True
    >>> process.replan((50, 50))
    >>> process.update([5_600, 4_400])
    >>> process.get() > 100.0
    True

    Raises:
        ValueError: there is no cohort, a weight is negative or not finite, or all are 0.
    """

    weights: Sequence[float]
    concentration: float = CONCENTRATION
    log_before: float = 0.0
    units: list[int] = field(default_factory=list)
    _value: float | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._plan(self.weights)

    def _plan(self, weights: Sequence[float]) -> None:
        total = fsum(weights)
        if not isfinite(total) or total <= 0.0 or min(weights) < 0.0:
            raise ValueError(f"weights are finite, none negative and not all 0; these are {list(weights)}")
        self.weights = tuple(float(weight) for weight in weights)
        self.units = [0] * len(self.weights)
        self._value = None

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

    def replan(self, weights: Sequence[float]) -> None:
        """New weights are in force from here on; the evidence so far is kept. The same weights change nothing.

        Raises:
            ValueError: as for the first weights.
        """
        if tuple(weights) == self.weights:
            return
        found = self._log_evidence()
        self._plan(weights)
        self.log_before = found

    def _log_evidence(self) -> float:
        total = fsum(self.weights)
        planned = [(count, weight / total) for count, weight in zip(self.units, self.weights, strict=True) if weight]
        units, shares = zip(*planned, strict=True)
        return self.log_before + log_bayes_factor(units, shares, self.concentration)

    def get(self) -> float:
        """The e-value: 1 at the start, large where the planned shares are not kept; finite."""
        if self._value is None:  # asked for each pane, and changed by few where events name no users
            self._value = exp(min(self._log_evidence(), _LOG_LARGEST))
        return self._value

    def dump(self) -> tuple[float, list[float], list[int]]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return self.log_before, list(self.weights), list(self.units)

    def load(self, state: tuple[float, Sequence[float], Sequence[int]]) -> None:
        """Continue from what `dump` returned."""
        self.log_before = state[0]
        self.weights = tuple(state[1])
        self.units = list(state[2])
        self._value = None
