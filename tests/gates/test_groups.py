"""Counts by group: one key for each outcome and group, and the halves that they make up."""

import doctest

import pytest
from hypothesis import given

from gates import groups
from gates.groups import (
    FAILED,
    GROUPS,
    SUCCEEDED,
    GroupCounts,
    check_groups,
    halves_of,
    position_of,
    totals_of,
    transactions_of,
)
from gates.panes import CLASSES
from gates.statuses import CODES
from tests.gates import drawn


def test_examples() -> None:
    """The examples in the documentation run."""
    assert doctest.testmod(groups).failed == 0


@given(drawn.groups)
def test_groups_make_up_halves_and_totals(counted: GroupCounts) -> None:
    """No request is lost, none counts twice, and the lowest bit of a group is its half."""
    halves, statuses = halves_of(counted)
    classes, exact = totals_of(counted)
    assert sum(halves) == sum(classes) == sum(counted.values()) - sum(transactions_of(counted))
    assert sum(halves[len(CLASSES) :]) == sum(
        number for key, number in counted.items() if key % 2 and position_of(key // GROUPS) is not None
    )
    assert sum(statuses.values()) == sum(exact.values())
    assert all(exact[code] <= classes[position_of(code) or 0] for code in exact)


@given(drawn.groups)
def test_written_counts_are_read(counted: GroupCounts) -> None:
    """Keys and numbers in turns."""
    assert check_groups([each for pair in counted.items() for each in pair]) == counted


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([8], "keys and numbers in turns"),
        ([8, 0], "1 request or more"),
        ([9, 1, 8, 1], "must be ascending"),
        ([8, 1, 8, 1], "must be ascending"),
        ([200 * GROUPS, 1], "a known outcome"),
        ([-1, 1], "a known outcome"),
    ],
)
def test_malformed_counts_are_refused(pairs: list[int], message: str) -> None:
    """They come from outside."""
    with pytest.raises(ValueError, match=message):
        check_groups(pairs)


def test_every_outcome_has_a_class() -> None:
    """Classes by position, exact statuses by code; nothing else is an outcome."""
    assert [position_of(number) for number in range(len(CLASSES))] == list(range(len(CLASSES)))
    assert all(position_of(code) is not None for code in CODES.values())
    assert [position_of(number) for number in (-1, len(CLASSES), 200, 1_000)] == [None] * 4
    assert [position_of(number) for number in (SUCCEEDED, FAILED)] == [None] * 2
