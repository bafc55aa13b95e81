"""Parts of a cohort: the halves of its users, where nearly all events carry one."""

from __future__ import annotations

import json
from typing import Any

from gates.comparison.parts import CARRYING, CandidateParts
from gates.panes import CLASSES, Cell, Detail

SIZE = len(CLASSES)


def halved(even: dict[str, int], odd: dict[str, int], without: int = 0) -> Cell:
    """A cell with users: outcomes of those with an even hash and of the others, and successes without a user."""
    halves = tuple(part.get(word, 0) for part in (even, odd) for word in CLASSES)
    counts = [first + second for first, second in zip(halves[:SIZE], halves[SIZE:], strict=True)]
    counts[CLASSES.index("2xx")] += without
    return Cell(tuple(counts), detail=Detail(halves=halves))


def test_both_halves_of_the_users_must_agree() -> None:
    """Each with its bad events and all."""
    cell = halved({"2xx": 5, "5xx": 2}, {"2xx": 8})
    assert CandidateParts(("5xx",)).of_candidate(cell) == {"user 1 of 2": (2, 7), "user 2 of 2": (0, 8)}
    assert CandidateParts(("5xx",)).of_baseline(cell) == {"user": {"user 1 of 2": (2, 7), "user 2 of 2": (0, 8)}}


def test_without_users_or_classes_there_are_no_parts() -> None:
    """Nor where an SLI's bad events are not counted by outcome."""
    cell = halved({"2xx": 5}, {"5xx": 5})
    assert CandidateParts(()).of_candidate(cell) is None
    assert CandidateParts(()).of_baseline(cell) == {}
    assert CandidateParts(("5xx",)).of_candidate(Cell((0, 5, 0, 0, 0, 0, 0))) is None


def test_one_half_alone_is_no_part_yet() -> None:
    """A single user is in one half, and the other has no events."""
    parts = CandidateParts(("5xx",))
    assert parts.of_candidate(halved({"5xx": 5}, {})) is None
    assert parts.of_candidate(halved({}, {"2xx": 1})) is not None


def test_a_few_users_among_many_events_are_no_parts() -> None:
    """Below 90% of the stage's events; each stage is counted for itself."""
    parts, with_user = CandidateParts(("5xx",)), round(CARRYING * 10)
    sparse, dense = halved({"2xx": 4}, {"2xx": with_user - 5}, 2), halved({"2xx": 4}, {"2xx": with_user - 4}, 1)
    assert parts.of_candidate(sparse) is None
    assert parts.of_candidate(dense) is None
    parts.enter_stage()
    assert parts.of_candidate(dense) is not None


def test_a_dump_continues() -> None:
    """Through JSON."""
    parts, restored = CandidateParts(("5xx",)), CandidateParts(("5xx",))
    parts.of_candidate(halved({"2xx": 4}, {}, 1))
    state: Any = json.loads(json.dumps(parts.dump()))
    restored.load(state)
    for each in (parts, restored):
        assert each.of_candidate(halved({}, {"2xx": 100})) is not None
    assert restored.dump() == parts.dump()
