"""Several e-values made one: reference values, and that what comes out is an e-value under any dependence."""

import itertools
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.stats.combination import family_means, partial_conjunction, weighted_mean

REFERENCE = [120, 3, 0.5, 40]
e_lists = st.lists(st.floats(0.0, 1e12), min_size=1, max_size=8)


def test_reference_values() -> None:
    """Mean and partial conjunction have the reference values."""
    assert weighted_mean(REFERENCE) == pytest.approx(40.875, rel=1e-9)
    assert partial_conjunction(REFERENCE, 2) == pytest.approx(14.5, rel=1e-9)
    assert partial_conjunction(REFERENCE, 3) == pytest.approx(1.75, rel=1e-9)


def test_the_ends_of_partial_conjunction() -> None:
    """One failing is the mean, all failing is the smallest."""
    assert partial_conjunction(REFERENCE, 1) == weighted_mean(REFERENCE)
    assert partial_conjunction(REFERENCE, 4) == 0.5


def test_weights() -> None:
    """Weights need not sum to 1, a weight of 0 leaves its e-value out, and equal ones are the mean."""
    assert weighted_mean([120, 3], [3, 1]) == pytest.approx(90.75, rel=1e-12)
    assert weighted_mean([120, 3], [0, 5]) == 3.0
    assert weighted_mean(REFERENCE, [2, 2, 2, 2]) == pytest.approx(40.875, rel=1e-12)


@given(e_lists, st.randoms(use_true_random=False))
def test_order_does_not_matter(e_values: list[float], shuffler: object) -> None:
    """To the bit: decisions must not depend on the order of checks."""
    shuffled = list(e_values)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    assert weighted_mean(shuffled) == weighted_mean(e_values)
    for failing in range(1, len(e_values) + 1):
        assert partial_conjunction(shuffled, failing) == partial_conjunction(e_values, failing)


@given(e_lists)
def test_more_failing_takes_more_evidence(e_values: list[float]) -> None:
    """The evidence that u fail falls with u, and lies between the smallest and the largest."""
    found = [partial_conjunction(e_values, failing) for failing in range(1, len(e_values) + 1)]
    assert all(later <= earlier * (1.0 + 1e-12) for earlier, later in itertools.pairwise(found))
    assert min(e_values) <= found[-1]
    assert found[0] <= max(e_values) * (1.0 + 1e-12)


# Bets at fair odds under the null, and what a false null may be worth: as much as it likes.
NULL = ((0.0, 0.5), (2.0, 0.5))
FALSE = 1e9


@pytest.mark.parametrize("count", [2, 3, 4])
def test_partial_conjunction_is_an_e_value_by_enumeration(count: int) -> None:
    """With fewer than u nulls false, however false, the expectation is at most 1: true nulls independent or as one."""
    for failing in range(1, count + 1):
        for false in range(failing):
            fixed = [FALSE] * false
            independent = sum(
                partial_conjunction([*fixed, *(value for value, _ in drawn)], failing)
                * np.prod([chance for _, chance in drawn])
                for drawn in itertools.product(NULL, repeat=count - false)
            )
            as_one = sum(
                chance * partial_conjunction([*fixed, *[value] * (count - false)], failing) for value, chance in NULL
            )
            assert independent <= 1.0 + 1e-12
            assert as_one <= 1.0 + 1e-12


def test_partial_conjunction_has_power() -> None:
    """With as many nulls false as it asks for, the expectation is beyond any bound."""
    assert partial_conjunction([FALSE, FALSE, 0.0, 0.0], 2) > 1e8


@pytest.mark.parametrize("weights", [None, [5, 1, 1]])
def test_mean_is_an_e_value_by_enumeration(weights: list[float] | None) -> None:
    """Independent or the same bet thrice, the mean of fair bets is a fair bet."""
    independent = sum(
        weighted_mean([value for value, _ in drawn], weights) * np.prod([chance for _, chance in drawn])
        for drawn in itertools.product(NULL, repeat=3)
    )
    as_one = sum(chance * weighted_mean([value] * 3, weights) for value, chance in NULL)
    assert independent == pytest.approx(1.0, rel=1e-12)
    assert as_one == pytest.approx(1.0, rel=1e-12)


def test_families_first() -> None:
    """Two views of the same slowness are one failing family, where by themselves they would be two failing SLIs."""
    found = {"p50": 1.0, "p95": 300.0, "p99": 200.0, "errors": 0.5}
    means = family_means(found, {"p50": "latency", "p95": "latency", "p99": "latency", "errors": "errors"})
    assert means == {"errors": 0.5, "latency": pytest.approx(167.0)}
    assert list(means) == ["errors", "latency"]
    assert partial_conjunction(list(found.values()), 2) > 20.0
    assert partial_conjunction(list(means.values()), 2) == 0.5


def test_families_of_nothing() -> None:
    """No e-values, no families; a name that has no family is an error."""
    assert family_means({}, {"errors": "errors"}) == {}
    with pytest.raises(ValueError, match="without a family: p95, p99"):
        family_means({"p99": 1.0, "errors": 1.0, "p95": 1.0}, {"errors": "errors"})


@pytest.mark.parametrize("wrong", [[], [1.0, -0.1], [nan, 1.0], [inf, 1.0]])
def test_what_is_no_e_value_is_refused(wrong: list[float]) -> None:
    """Nothing, a negative number, NaN or infinity: an error, never a silent answer."""
    with pytest.raises(ValueError, match="e-value"):
        weighted_mean(wrong)
    with pytest.raises(ValueError, match="e-value"):
        partial_conjunction(wrong, 1)


def test_impossible_parameters_are_refused() -> None:
    """Weights that do not fit, more failing than there are."""
    for weights in ([1], [1, -1], [0, 0], [nan, 1], [inf, 1]):
        with pytest.raises(ValueError, match="are no weights of 2"):
            weighted_mean([1.0, 2.0], weights)
    for failing in (0, 3):
        with pytest.raises(ValueError, match="cannot be failing"):
            partial_conjunction([1.0, 2.0], failing)
