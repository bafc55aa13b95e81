"""Parts of a cohort: all of it but one half of its users, or but one group of its emitters."""

from __future__ import annotations

import doctest
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gates.comparison import parts as comparison_parts
from gates.comparison.parts import (
    CARRYING,
    FAILED_TRANSACTION,
    PRESENT_MS,
    USERS_PRESENT_MS,
    BadByGroup,
    CandidateParts,
)
from gates.groups import FAILED, SUCCEEDED, GroupCounts, halves_of, key_of, sums_of, totals_of
from gates.panes import CLASS_POSITION, NO_COUNTS, NOTHING, Cell, Detail
from tests.gates import drawn

ByGroup = Mapping[int, Mapping[str, int]]
"""Outcomes by group."""


def halved(even: dict[str, int], odd: dict[str, int], without: int = 0) -> Cell:
    """A cell with users: outcomes of those with an even hash and of the others, and successes without a user."""
    groups = {
        key_of(CLASS_POSITION[word], 4 + half): n for half, part in enumerate((even, odd)) for word, n in part.items()
    }
    counts = list(totals_of(groups)[0])
    counts[CLASS_POSITION["2xx"]] += without
    return Cell(tuple(counts), detail=Detail(halves=halves_of(groups)[0], user_groups=dict(sorted(groups.items()))))


def emitted(by_group: ByGroup, others: Mapping[str, int] | None = None) -> Cell:
    """A cell with these outcomes by group of the emitter, and of requests without one."""
    groups = {key_of(CLASS_POSITION[word], group): n for group, known in by_group.items() for word, n in known.items()}
    counts = list(totals_of(groups)[0] if groups else NO_COUNTS)
    for word, number in (others or {}).items():
        counts[CLASS_POSITION[word]] += number
    return Cell(tuple(counts), detail=Detail(emitter_groups=dict(sorted(groups.items()))))


def divided(parts: CandidateParts, cell: Cell, start: int = 0) -> dict[str, tuple[float, int]] | None:
    """Return the candidate's parts of a pane with this cell, all of which is compared; bad are 5xx."""
    return parts.of_candidate((cell.errors(("5xx",)), cell.requests), cell, start)


def all_but(group: int) -> str:
    """The name of the part without this group of emitters."""
    return f"all but emitter group {group + 1} of 8"


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(comparison_parts).failed == 0


def test_both_halves_of_the_users_must_agree() -> None:
    """Each with its bad events and all."""
    cell = halved({"2xx": 5, "5xx": 2}, {"2xx": 8})
    assert divided(CandidateParts(("5xx",)), cell) == {"user 1 of 2": (2, 7), "user 2 of 2": (0, 8)}


def test_the_baseline_is_divided_by_user_and_emitter() -> None:
    """Into the groups that have events."""
    users = {key_of(1, 0): 5, key_of(503, 0): 1, key_of(1, 6): 3}
    halves, exact = halves_of(users)
    detail = Detail(halves=halves, statuses=exact, user_groups=users, emitter_groups={key_of(4, 3): 2})
    cell = Cell((0, 8, 0, 0, 3, 0, 0), statuses={503: 1}, detail=detail)
    groups = {"0": (1, 6), "6": (0, 3)}
    assert CandidateParts(("5xx",)).of_baseline(cell) == {"user": groups, "emitter": {"3": (2, 2)}}
    assert CandidateParts((503,)).of_baseline(cell) == {"user": groups, "emitter": {"3": (0, 2)}}
    old = Cell((0, 8, 0, 0, 3, 0, 0), statuses={503: 1}, detail=Detail(halves=halves, statuses=exact))
    assert CandidateParts(("5xx",)).of_baseline(old) == {}
    assert divided(CandidateParts(("5xx",)), old) is None


def test_without_users_or_classes_there_are_no_parts() -> None:
    """Nor where an SLI's bad events are not counted by outcome."""
    cell = halved({"2xx": 5}, {"5xx": 5})
    assert divided(CandidateParts(()), cell) is None
    assert CandidateParts(()).of_baseline(cell) == {}
    assert divided(CandidateParts(("5xx",)), Cell((0, 5, 0, 0, 0, 0, 0))) is None
    assert CandidateParts(("5xx",)).of_baseline(Cell((0, 5, 0, 0, 0, 0, 0))) == {}


def test_one_half_alone_is_no_part_yet() -> None:
    """A single user is in one half, and the other has no events."""
    parts = CandidateParts(("5xx",))
    assert divided(parts, halved({"5xx": 5}, {}), 0) is None
    assert divided(parts, halved({}, {"2xx": 1}), USERS_PRESENT_MS) is not None


def test_a_half_that_is_asleep_for_good_decides_nothing() -> None:
    """Two tenants, one of which ended: once its half is gone the other is the whole candidate, and can be reached."""
    parts, failing = CandidateParts(("5xx",)), halved({"5xx": 5}, {})
    assert divided(parts, halved({"2xx": 5}, {"2xx": 1}), 0) is not None
    assert divided(parts, failing, USERS_PRESENT_MS) == {"user 1 of 2": (5, 5), "user 2 of 2": (0, 0)}
    assert divided(parts, failing, USERS_PRESENT_MS + 1) == {"user 1 of 2": (5, 5), "user 2 of 2": (5, 5)}


def test_a_few_users_among_many_events_are_no_parts() -> None:
    """Below 90% of the stage's events; each stage is counted for itself."""
    parts, with_user = CandidateParts(("5xx",)), round(CARRYING * 10)
    sparse, dense = halved({"2xx": 4}, {"2xx": with_user - 5}, 2), halved({"2xx": 4}, {"2xx": with_user - 4}, 1)
    assert divided(parts, sparse, 0) is None
    assert divided(parts, dense, 0) is None
    parts.enter_stage()
    assert divided(parts, dense, 0) is not None


def test_events_without_a_user_are_in_both_halves() -> None:
    """They are of no known client, and a failed login must count."""
    cell = halved({"2xx": 40, "5xx": 1}, {"2xx": 50}, 5)
    failing = Cell((0, 90, 0, 0, 6, 0, 0), detail=cell.detail)
    assert divided(CandidateParts(("5xx",)), failing) == {"user 1 of 2": (6, 46), "user 2 of 2": (5, 55)}


def test_without_users_any_more_both_halves_have_all() -> None:
    """Else a candidate that stops naming its users could not be rolled back."""
    parts = CandidateParts(("5xx",))
    divided(parts, halved({"2xx": 5}, {"2xx": 5}), 0)
    assert divided(parts, Cell((0, 0, 0, 0, 90, 0, 0)), 1_000) == {"user 1 of 2": (90, 90), "user 2 of 2": (90, 90)}


def test_transactions_are_divided_as_requests_are() -> None:
    """Those that failed, and all whose success is known; outcomes do not matter."""
    groups = {key_of(1, 0): 9, key_of(1, 1): 9, key_of(SUCCEEDED, 0): 5, key_of(FAILED, 0): 2, key_of(SUCCEEDED, 1): 4}
    cell = Cell((0, 18, 0, 0, 0, 0, 0), detail=Detail(9, 2, user_groups=groups, emitter_groups=groups))
    parts = CandidateParts((FAILED_TRANSACTION,))
    assert parts.of_baseline(cell) == {kind: {"0": (2, 7), "1": (0, 4)} for kind in ("emitter", "user")}
    halves = {"user 1 of 2": (2, 7), "user 2 of 2": (0, 4)}
    assert parts.of_candidate((2, 11), cell, 0) == halves | {all_but(0): (0, 4), all_but(1): (2, 7)}


def test_all_instances_but_one_must_agree() -> None:
    """For each group of emitters; events without an emitter are in every part."""
    cell = emitted({0: {"2xx": 40, "5xx": 10}, 5: {"2xx": 45}}, {"5xx": 5})
    assert divided(CandidateParts(("5xx",)), cell) == {all_but(0): (5, 50), all_but(5): (15, 55)}


def test_a_sole_instance_is_the_candidate() -> None:
    """With one group of emitters there are no parts, nor with too few events that name an emitter."""
    assert divided(CandidateParts(("5xx",)), emitted({3: {"5xx": 9}})) is None
    assert divided(CandidateParts(("5xx",)), emitted({3: {"5xx": 9}, 4: {"5xx": 9}}, {"2xx": 3})) is None


def test_an_instance_may_appear_later() -> None:
    """A group joins with its first event, and stays a part without any."""
    parts, one = CandidateParts(("5xx",)), {"2xx": 10}
    assert divided(parts, emitted({0: one}), 0) is None
    assert divided(parts, emitted({1: one}), 1_000) == {all_but(0): (0, 10), all_but(1): (0, 0)}
    three = divided(parts, emitted({0: one, 2: {"5xx": 1}}), 2_000)
    assert three == {all_but(0): (1, 1), all_but(1): (1, 11), all_but(2): (0, 10)}


def test_the_last_instance_is_the_candidate_after_a_minute() -> None:
    """Until then the others may only be without requests; then it is in every part."""
    parts, one = CandidateParts(("5xx",)), {"2xx": 10}
    divided(parts, emitted({0: one, 1: one}), 0)
    assert divided(parts, emitted({0: one}), PRESENT_MS) == {all_but(0): (0, 0), all_but(1): (0, 10)}
    assert divided(parts, emitted({0: one}), PRESENT_MS + 1) == {all_but(0): (0, 10), all_but(1): (0, 10)}
    assert divided(parts, emitted({0: one, 1: one}), 2 * PRESENT_MS) == {all_but(0): (0, 10), all_but(1): (0, 10)}


@given(drawn.groups)
def test_bad_requests_by_group_add_up(counted: GroupCounts) -> None:
    """To those that a cell counts, by class and by exact status."""
    classes, exact = totals_of(counted)
    cell = Cell(classes, statuses=exact)
    for outcomes in (("5xx", "error"), (404, "grpc:14"), ("5xx", 404), ()):
        found = BadByGroup(outcomes).count(counted)
        assert sum(bad for bad, _ in found.values()) == cell.errors(outcomes)
        assert sum(events for _, events in found.values()) == cell.requests
        assert all(0 <= bad <= events for bad, events in found.values())
    found = BadByGroup((FAILED_TRANSACTION,)).count(counted)
    *_, succeeded, failed = sums_of(counted)
    assert sum(bad for bad, _ in found.values()) == failed
    assert sum(events for _, events in found.values()) == succeeded + failed


@given(st.lists(drawn.cells, max_size=6))
def test_no_part_has_more_than_the_whole(cells: list[Cell]) -> None:
    """Nor more bad events than events, whatever the cells hold."""
    parts = CandidateParts(("5xx", "error", 404))
    for start, cell in enumerate(cells):
        bad, events = cell.errors(("5xx", "error", 404)), cell.requests
        for some, number in (parts.of_candidate((bad, events), cell, start) or {}).values():
            assert 0 <= some <= number <= events
            assert some <= bad


def test_a_dump_continues() -> None:
    """Through JSON."""
    parts, restored = CandidateParts(("5xx",)), CandidateParts(("5xx",))
    divided(parts, halved({"2xx": 4}, {}, 1), 0)
    divided(parts, emitted({1: {"2xx": 400}, 2: {"2xx": 4}}), 1)
    state: Any = json.loads(json.dumps(parts.dump()))
    restored.load(state)
    for each in (parts, restored):
        assert len(divided(each, halved({}, {"2xx": 9_000}), 2) or {}) == 4
        assert divided(each, NOTHING, 3) == dict.fromkeys(
            ("user 1 of 2", "user 2 of 2", all_but(1), all_but(2)), (0, 0)
        )
    assert restored.dump() == parts.dump()
