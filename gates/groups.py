"""Requests of a cell by group: eight groups of its users, and eight of its emitters, each by the hash of the name.

They show whether bad events hang together, and whether one client or one instance makes them all. A count has one key,
`GROUPS` times the outcome plus the group. The outcome is the code of the exact status (`gates.statuses`) where requests
have one, and else the position of the class in `CLASSES`, so that each request counts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

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


def position_of(outcome: int) -> int | None:
    """The position in `CLASSES` of an outcome; None if there is no such outcome.

    >>> position_of(503) == CLASS_POSITION["5xx"], position_of(1), position_of(200)
    (True, 1, None)
    """
    if 0 <= outcome < len(CLASSES):
        return outcome
    word = CLASS_OF.get(outcome)
    return None if word is None else CLASS_POSITION[word]


def halves_of(groups: GroupCounts) -> tuple[tuple[int, ...], dict[int, int]]:
    """The fields `halves` and `statuses` of `gates.panes.Detail` for these groups of users.

    >>> halves, statuses = halves_of({key_of(1, 0): 5, key_of(1, 6): 2, key_of(503, 3): 1})
    >>> halves[1], halves[len(CLASSES) + CLASS_POSITION["5xx"]], statuses
    (7, 1, {1007: 1})
    """
    halves, statuses = list(NO_HALVES), dict[int, int]()
    for key, number in groups.items():
        outcome, group = divmod(key, GROUPS)
        half = group & 1
        position = position_of(outcome)
        if position is None:  # a transaction
            continue
        halves[half * len(CLASSES) + position] += number
        if outcome >= len(CLASSES):
            exact = 2 * outcome + half
            statuses[exact] = statuses.get(exact, 0) + number
    return tuple(halves), dict(sorted(statuses.items()))


def totals_of(groups: GroupCounts) -> tuple[tuple[int, ...], dict[int, int]]:
    """All groups together: requests by class, and by exact status.

    >>> totals_of({key_of(1, 0): 5, key_of(503, 3): 1, key_of(503, 4): 1})
    ((0, 5, 0, 0, 2, 0, 0), {503: 2})
    """
    halves, statuses = halves_of(groups)
    size = len(CLASSES)
    exact: dict[int, int] = {}
    for code, number in statuses.items():
        exact[code // 2] = exact.get(code // 2, 0) + number
    return tuple(even + odd for even, odd in zip(halves[:size], halves[size:], strict=True)), exact


def transactions_of(groups: GroupCounts) -> tuple[int, int]:
    """All groups together: transactions that succeeded, and that failed.

    >>> transactions_of({key_of(1, 0): 5, key_of(SUCCEEDED, 0): 3, key_of(FAILED, 0): 1, key_of(FAILED, 7): 1})
    (3, 2)
    """
    numbers = (sum(groups.get(key_of(ended, group), 0) for group in range(GROUPS)) for ended in (SUCCEEDED, FAILED))
    succeeded, failed = numbers
    return succeeded, failed


def check_groups(pairs: Sequence[int]) -> dict[int, int]:
    """The counts by key of a list with keys and numbers in turns.

    Raises:
        ValueError: the list is malformed.
    """
    keys, numbers = pairs[::2], pairs[1::2]
    if len(keys) != len(numbers) or min(numbers, default=1) < 1:
        raise ValueError("counts by group must be keys and numbers in turns, each of 1 request or more")
    if any(later <= key for key, later in pairwise(keys)):
        raise ValueError("the keys of counts by group must be ascending")
    if any(position_of(key // GROUPS) is None for key in keys if key // GROUPS not in (SUCCEEDED, FAILED)):
        raise ValueError("the keys of counts by group must have a known outcome")
    return dict(zip(keys, numbers, strict=True))
