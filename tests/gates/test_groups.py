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
    key_of,
    sums_of,
    totals_of,
)
from gates.panes import CLASS_POSITION, CLASSES
from gates.statuses import CLASS_OF, CODES
from tests.gates import drawn


def test_examples() -> None:
    """The examples in the documentation run."""
    assert doctest.testmod(groups).failed == 0


@given(drawn.groups)
def test_groups_make_up_halves_and_totals(counted: GroupCounts) -> None:
    """No request is lost, none counts twice, and the lowest bit of a group is its half."""
    sums = sums_of(counted)
    requests = {key: number for key, number in counted.items() if key // GROUPS not in (SUCCEEDED, FAILED)}
    assert (sums.halves, sums.statuses) == halves_of(requests) == halves_of(counted)
    assert (sums.classes, sums.exact) == totals_of(counted)
    assert sum(sums.halves) == sum(sums.classes) == sum(requests.values())
    assert sum(sums.halves[len(CLASSES) :]) == sum(number for key, number in requests.items() if key % 2)
    assert sums.succeeded + sums.failed == sum(counted.values()) - sum(requests.values())
    assert list(sums.statuses) == sorted(sums.statuses)
    assert all(number <= sums.classes[CLASS_POSITION[CLASS_OF[code]]] for code, number in sums.exact.items())


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
    ],
)
def test_malformed_counts_are_refused(pairs: list[int], message: str) -> None:
    """They come from outside."""
    with pytest.raises(ValueError, match=message):
        check_groups(pairs)


def test_every_outcome_has_a_class() -> None:
    """Classes by position, exact statuses by code; nothing else is an outcome."""
    for outcome in (*range(len(CLASSES)), *CODES.values()):
        assert sum(sums_of({key_of(outcome, GROUPS - 1): 1}).classes) == 1
    for outcome in (-1, len(CLASSES), 200, 1_000):
        with pytest.raises(ValueError, match="known outcome"):
            sums_of({key_of(outcome, 0): 1})
