"""What thin traffic does to a wait: requests are taken as a Poisson process, `rate` a second, times are seconds."""

from __future__ import annotations

from math import exp, expm1, inf, log

_LARGEST = 700.0
"""The largest exponent of a number that a float holds."""


def gaps_per_second(rate: float, longer_than: float) -> float:
    """How often a gap between requests begins that is longer than this.

    >>> round(gaps_per_second(0.1, 30.0) * 3_600.0, 1)
    17.9
    """
    return rate * exp(-rate * longer_than)


def share_in_short_gaps(rate: float, longest: float) -> float:
    """The share of the time that lies in gaps of at most `longest`.

    >>> round(share_in_short_gaps(0.1, 30.0), 3)
    0.801
    """
    return 1.0 - exp(-rate * longest) * (1.0 + rate * longest)


def wait_for_quiet(disturbances: float, length: float) -> float:
    """How long until `length` has passed without a disturbance, of `disturbances` a second.

    >>> wait_for_quiet(0.0, 30.0), round(wait_for_quiet(0.01, 100.0), 1)
    (30.0, 171.8)
    """
    if not disturbances:
        return length
    exponent = disturbances * length
    return expm1(exponent) / disturbances if exponent < _LARGEST else inf


def trials_until_run(chance: float, length: int) -> float:
    """How many trials until `length` successes in a row, in the mean.

    >>> trials_until_run(1.0, 5), round(trials_until_run(0.5, 3), 9)
    (5.0, 14.0)
    """
    if chance >= 1.0:
        return float(length)
    if chance <= 0.0 or -log(chance) * length > _LARGEST:
        return inf
    return (chance**-length - 1.0) / (1.0 - chance)
