"""Requests of a cell by group: eight groups of its users, and eight of its emitters, each by the hash of the name.

They show whether bad events hang together, and whether one client or one instance makes them all. A count has one key,
`GROUPS` times the outcome plus the group. The outcome is the code of the exact status (`gates.statuses`) where requests
have one, and else the position of the class in `CLASSES`, so that each request counts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add
from typing import NamedTuple

from gates.panes import CLASS_POSITION, CLASSES, NO_HALVES
from gates.statuses import CLASS_OF

GROUPS = 8
"""Groups of users and of emitters. The lowest bits of a hash are its group, so the lowest one is its half."""

SUCCEEDED, FAILED = 100, 101
"""How a transaction ended, in the place of an outcome: no exact status has such a low number."""

GroupCounts = Mapping[int, int]
"""Requests by key, ascending; only what occurs."""


def key_of(outcome: int, group: int) -> int:
    """The key of a group's requests with this outcome.

    >>> key_of(503, 2), key_of(CLASS_POSITION["2xx"], 7)
    (4026, 15)
    """
    return outcome * GROUPS + group


_POSITIONS = {
    **{position: position for position in range(len(CLASSES))},
    **{code: CLASS_POSITION[word] for code, word in CLASS_OF.items()},
}
"""The position in `CLASSES` by outcome."""


class GroupSums(NamedTuple):
    """All groups together: `halves` and `statuses` as in `gates.panes.Detail`, and transactions."""

    halves: tuple[int, ...]
    statuses: dict[int, int]
    succeeded: int
    failed: int

    @property
    def classes(self) -> tuple[int, ...]:
        """Requests by class."""
        return tuple(map(add, self.halves[: len(CLASSES)], self.halves[len(CLASSES) :]))

    @property
    def exact(self) -> dict[int, int]:
        """Requests by code of the exact status."""
        found: dict[int, int] = {}
        for code, number in self.statuses.items():
            found[code // 2] = found.get(code // 2, 0) + number
        return found


def sums_of(groups: GroupCounts) -> GroupSums:
    """All groups together.

    Raises:
        ValueError: there is a count of no known outcome.

    >>> groups = {key_of(1, 0): 5, key_of(1, 6): 2, key_of(SUCCEEDED, 6): 2, key_of(503, 3): 1}
    >>> sums = sums_of(groups)
    >>> sums.classes, sums.exact, sums.succeeded
    ((0, 7, 0, 0, 1, 0, 0), {503: 1}, 2)
    >>> sums.halves[1], sums.halves[len(CLASSES) + CLASS_POSITION["5xx"]], sums.statuses
    (7, 1, {1007: 1})
    """
    halves, statuses, transactions = list(NO_HALVES), dict[int, int](), [0, 0]
    for key, number in groups.items():
        outcome, half = key // GROUPS, key % 2
        position = _POSITIONS.get(outcome)
        if position is not None:
            halves[half * len(CLASSES) + position] += number
            if outcome >= len(CLASSES):
                exact = 2 * outcome + half
                statuses[exact] = statuses.get(exact, 0) + number
        elif outcome in (SUCCEEDED, FAILED):
            transactions[outcome - SUCCEEDED] += number
        else:
            raise ValueError("counts by group must be of a known outcome")
    if len(statuses) > 1:
        statuses = dict(sorted(statuses.items()))
    return GroupSums(tuple(halves), statuses, *transactions)


def halves_of(groups: GroupCounts) -> tuple[tuple[int, ...], dict[int, int]]:
    """The fields `halves` and `statuses` of `gates.panes.Detail` for these groups of users."""
    return sums_of(groups)[:2]


def totals_of(groups: GroupCounts) -> tuple[tuple[int, ...], dict[int, int]]:
    """All groups together: requests by class, and by exact status."""
    sums = sums_of(groups)
    return sums.classes, sums.exact


def check_groups(pairs: Sequence[int]) -> GroupCounts:
    """The counts by key of a list with keys and numbers in turns.

    Raises:
        ValueError: the list is malformed.
    """
    keys, numbers = pairs[::2], pairs[1::2]
    if len(keys) != len(numbers) or min(numbers, default=1) < 1:
        raise ValueError("counts by group must be keys and numbers in turns, each of 1 request or more")
    if sorted(set(keys)) != keys:
        raise ValueError("the keys of counts by group must be ascending")
    return dict(zip(keys, numbers, strict=True))
