"""The bound of a check: which of two limits is always broken as well."""

from __future__ import annotations

import doctest

import pytest

from gates.slis import bound
from gates.slis.bound import Bound

BOUND = Bound(("error_rate", 30_000), 0.02, 20, frozenset({"4xx", "5xx"}))


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(bound).failed == 0


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        (BOUND, True),
        (Bound(BOUND.source, 0.05, 30, frozenset({"5xx"})), True),
        (Bound(BOUND.source, 0.01, 20, BOUND.bad), False),
        (Bound(BOUND.source, 0.02, 19, BOUND.bad), False),
        (Bound(BOUND.source, 0.02, 20, frozenset({"error"})), False),
        (Bound(("error_rate", 60_000), 0.02, 20, BOUND.bad), False),
    ],
)
def test_a_stricter_one_covers_a_looser_one(other: Bound, covered: bool) -> None:
    """In every part, on the same figure."""
    assert BOUND.covers(other) is covered
