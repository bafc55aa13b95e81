"""Exact statuses: which are counted one by one, and the class of each."""

from __future__ import annotations

import doctest

from hypothesis import given

from gates import statuses
from gates.panes import CLASSES
from gates.statuses import CLASS_OF, CODES, GRPC_NAMES, add_statuses
from tests.gates.drawn import statuses as drawn


def test_example() -> None:
    """The examples in the documentation run."""
    assert doctest.testmod(statuses).failed == 0


def test_successes_are_not_counted_one_by_one() -> None:
    """Each of the others has a code, in ascending order, and is of one class."""
    assert list(CLASS_OF) == sorted(CLASS_OF) == list(CODES.values()) == [*range(300, 600), *range(1_001, 1_017)]
    assert set(CLASS_OF.values()) == set(CLASSES) - {"1xx", "2xx", "ok"}


def test_a_policy_writes_them_by_number() -> None:
    """HTTP's as they are, and gRPC's behind a prefix, of which each has a name."""
    assert (CODES[429], CODES["grpc:14"], GRPC_NAMES[14]) == (429, 1_014, "UNAVAILABLE")
    assert len(GRPC_NAMES) == 17


@given(drawn, drawn)
def test_sums_are_ascending(one: dict[int, int], other: dict[int, int]) -> None:
    """The sum has every code once, whichever of the two comes first."""
    first, second = dict(sorted(one.items())), dict(sorted(other.items()))
    total = add_statuses(first, second)
    assert list(total.items()) == list(add_statuses(second, first).items())
    assert list(total) == sorted({*one, *other})
    assert sum(total.values()) == sum(one.values()) + sum(other.values())
