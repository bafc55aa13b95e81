"""Several e-values made one: the weighted mean, partial conjunction, means within families.

All are valid under any dependence between the e-values, which SLIs of the same requests surely have. All must be
of the same moment: a mean of running maxima is no e-value. There is no state; latch the decision, not the evidence.
E-values are finite non-negative numbers without unit; anything else raises ValueError.

Vovk and Wang, "E-values: calibration, combination and applications", Annals of Statistics 2021, arXiv 1912.06116 (the
mean).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, isfinite


def weighted_mean(e_values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The mean of the e-values: an e-value against "every one of the nulls is true".

    `weights`, one for each, must be chosen before the data are seen; None weighs all alike. It is at least
    as powerful as Bonferroni, which needs one weighted e-value that reaches the threshold alone.

    >>> weighted_mean([120, 3, 0.5, 40])
    40.875

    Raises:
        ValueError: there are no e-values, one is negative or not finite, or the weights do not fit.
    """
    _checked(e_values)
    if weights is None:
        return fsum(e_values) / len(e_values)
    total = fsum(weights)
    if len(weights) != len(e_values) or not isfinite(total) or total <= 0.0 or min(weights) < 0.0:
        raise ValueError(f"{list(weights)} are no weights of {len(e_values)} e-values")
    return fsum(weight / total * value for weight, value in zip(weights, e_values, strict=True))


def closed_testing(e_values: Sequence[float], weights: Sequence[float], threshold: float) -> frozenset[int]:
    """Which nulls to reject, all of them at once, once the weighted mean has reached `threshold`: their indices.

    A null is rejected if every weighted mean of a set that holds it reaches the threshold. The smallest such mean is of
    the set with all others that fall short, so one sum decides instead of all subsets. If no null passes, the one with
    the largest weighted surplus is rejected, because the mean shows that at least one null is false.

    >>> sorted(closed_testing([400, 350, 3, 0.5], [1, 1, 1, 1], 100.0))
    [0, 1]

    Raises:
        ValueError: there are no e-values, one is negative or not finite, or there is not one weight for each.
    """
    _checked(e_values)
    surplus = [weight * (value - threshold) for value, weight in zip(e_values, weights, strict=True)]
    shortfall = fsum(min(0.0, excess) for excess in surplus)
    found = frozenset(index for index, excess in enumerate(surplus) if excess >= 0.0 and excess + shortfall >= 0.0)
    return found or frozenset((surplus.index(max(surplus)),))


def partial_conjunction(e_values: Sequence[float], failing: int) -> float:
    """The mean of the K - u + 1 smallest of K e-values: an e-value against "fewer than u = `failing` nulls are false".

    If fewer than u are false, then at least K - u + 1 are true, and the mean of the smallest is at most the mean of
    those: an e-value at any stopping time. With u = 1 it is the mean, with u = K the smallest.

    >>> [partial_conjunction([120, 3, 0.5, 40], failing) for failing in (2, 3)]
    [14.5, 1.75]

    Raises:
        ValueError: there are no e-values, one is negative or not finite, or `failing` is not from 1 to K.
    """
    _checked(e_values)
    if not 1 <= failing <= len(e_values):
        raise ValueError(f"{failing} of {len(e_values)} cannot be failing: write a number from 1 to {len(e_values)}")
    return weighted_mean(sorted(e_values)[: len(e_values) - failing + 1])


def family_means(e_values: Mapping[str, float], families: Mapping[str, str]) -> dict[str, float]:
    """The mean within each family, by family in order of name; `families` has each name's family.

    To be taken before `partial_conjunction`, so that two views of the same thing (p95 and p99) do not count twice.

    >>> family_means({"p95": 120, "p99": 40, "errors": 3}, {"p95": "latency", "p99": "latency", "errors": "errors"})
    {'errors': 3.0, 'latency': 80.0}

    Raises:
        ValueError: an e-value is negative or not finite, or its name has no family.
    """
    if strays := sorted(set(e_values) - set(families)):
        raise ValueError(f"without a family: {', '.join(strays)}")
    members: dict[str, list[float]] = {}
    for name, value in e_values.items():
        members.setdefault(families[name], []).append(value)
    return {family: weighted_mean(members[family]) for family in sorted(members)}


def _checked(e_values: Sequence[float]) -> None:
    if not e_values:
        raise ValueError("no e-values to combine")
    for value in e_values:
        if not (isfinite(value) and value >= 0.0):
            raise ValueError(f"an e-value is a finite number and never negative, and this one is {value}")
