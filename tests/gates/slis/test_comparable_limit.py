"""The limit of a check: which of two limits is always broken as well."""

from __future__ import annotations

import doctest

import pytest

from gates.slis import comparable_limit
from gates.slis.comparable_limit import ComparableLimit

LIMIT = ComparableLimit(("error_rate", 30_000), 0.02, 20, frozenset({"4xx", "5xx"}))


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(comparable_limit).failed == 0


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        (LIMIT, True),
        (ComparableLimit(LIMIT.source, 0.05, 30, frozenset({"5xx"})), True),
        (ComparableLimit(LIMIT.source, 0.01, 20, LIMIT.bad), False),
        (ComparableLimit(LIMIT.source, 0.02, 19, LIMIT.bad), False),
        (ComparableLimit(LIMIT.source, 0.02, 20, frozenset({"error"})), False),
        (ComparableLimit(("error_rate", 60_000), 0.02, 20, LIMIT.bad), False),
    ],
)
def test_a_stricter_one_covers_a_looser_one(other: ComparableLimit, covered: bool) -> None:
    """In every part, on the same figure."""
    assert LIMIT.covers(other) is covered
