"""A single arm against its objective: exact values, and that the expectation under the null is at most 1."""

from math import comb, exp, log

import pytest

from gates.stats.error_share import ADVANCE_EFFECTS, REGRESSION_EFFECTS
from gates.stats.single_arm import log_factor, log_factors


def binomial(n: int, p: float) -> list[float]:
    """Return the probabilities of 0..n successes."""
    return [comb(n, k) * p**k * (1.0 - p) ** (n - k) for k in range(n + 1)]


def test_factor_is_the_ratio_of_two_binomial_likelihoods() -> None:
    """`a` times the odds of the objective, against the objective: 3 errors of 100 at 1%, bet on fourfold odds."""
    odds = 4.0 * 0.01 / 0.99
    expected = log(binomial(100, odds / (1.0 + odds))[3] / binomial(100, 0.01)[3])
    assert log_factor(3, 100, 4.0, 0.01) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("objective", [1e-4, 0.001, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("requests", [1, 5, 40, 150])
def test_expectation_is_one_on_the_boundary_and_less_inside(objective: float, requests: int) -> None:
    """Over every outcome, for each effect of both grids: exactly 1 at the objective, less on the null's side of it."""
    for effect in (*REGRESSION_EFFECTS, *ADVANCE_EFFECTS):
        factors = [exp(log_factor(errors, requests, effect, objective)) for errors in range(requests + 1)]
        inside = objective / 2 if effect > 1.0 else (1.0 + objective) / 2
        at, within = (
            sum(chance * factor for chance, factor in zip(binomial(requests, p), factors, strict=True))
            for p in (objective, inside)
        )
        assert at == pytest.approx(1.0, rel=1e-9)
        assert within < 1.0


def test_one_factor_for_each_effect() -> None:
    """The factors of a pane are those of each effect, in the grid's order."""
    found = log_factors(3, 100, REGRESSION_EFFECTS, 0.01)
    assert found == tuple(log_factor(3, 100, effect, 0.01) for effect in REGRESSION_EFFECTS)
