"""Cells of any sort, drawn by hypothesis."""

from collections.abc import Mapping
from dataclasses import replace
from operator import add

from hypothesis import strategies as st

from gates.groups import FAILED, GROUPS, SUCCEEDED, GroupCounts, halves_of, key_of, sums_of, totals_of
from gates.panes import CLASS_POSITION, CLASSES, NO_DETAIL, NO_HALVES, NOTHING, SAMPLE_SIZE, Cell, Detail, smallest
from gates.stats.histogram import Histogram
from gates.stats.value_counts import ValueCounts
from gates.statuses import CLASS_OF, add_statuses

counts = st.integers(0, 1_000)
hashes = st.sets(st.integers(0, 2**32 - 1) | st.integers(0, 60), max_size=2 * SAMPLE_SIZE)
metrics = st.dictionaries(st.sampled_from(["cost", "lag_ms", "score"]), st.lists(st.floats(-1e9, 1e9), min_size=1))
statuses = st.dictionaries(st.sampled_from([300, 404, 429, 503, 1_008, 1_014]), st.integers(1, 9))
"""Requests by code of their exact status."""


def with_exact(cell: Cell, by_status: Mapping[int, int]) -> Cell:
    """Return the cell with these requests in addition, half of them of users where the cell has details."""
    counted, halves = list(cell.counts), list(cell.detail.halves)
    for code, number in by_status.items():
        counted[CLASS_POSITION[CLASS_OF[code]]] += number
        halves[code % 2 * len(CLASSES) + CLASS_POSITION[CLASS_OF[code]]] += number
    kept, detail = add_statuses({}, dict(sorted(by_status.items()))), cell.detail
    if detail is not NO_DETAIL:
        exact = {2 * code + code % 2: number for code, number in kept.items()}
        detail = replace(detail, halves=tuple(halves), statuses=exact)
    return replace(cell, counts=tuple(counted), statuses=kept, detail=detail)


def with_groups(cell: Cell, users: GroupCounts, emitters: GroupCounts) -> Cell:
    """Return the cell with requests in addition: each of a user or each of an emitter, by group."""
    halves, exact = halves_of(users)
    by_user, by_emitter = totals_of(users), totals_of(emitters)
    succeeded, failed = map(add, sums_of(users)[2:], sums_of(emitters)[2:])
    known = Detail(succeeded, failed, halves=halves, statuses=exact, user_groups=users, emitter_groups=emitters)
    added = Cell(by_user[0], statuses=by_user[1]).merge(Cell(by_emitter[0], statuses=by_emitter[1]))
    return cell.merge(replace(added, detail=known if users or emitters else NO_DETAIL))


groups = st.dictionaries(
    st.builds(
        key_of, st.sampled_from([*range(len(CLASSES)), SUCCEEDED, FAILED, 404, 503, 1_014]), st.integers(0, GROUPS - 1)
    ),
    st.integers(1, 9),
).map(lambda counted: dict(sorted(counted.items())))

details = st.builds(
    Detail,
    succeeded=counts,
    failed=counts,
    users=hashes.map(smallest),
    halves=st.tuples(*[counts] * len(NO_HALVES)),
    metrics=metrics.map(lambda known: {name: ValueCounts.of(values) for name, values in known.items()}),
    emitters=hashes.map(smallest),
) | st.just(NO_DETAIL)

plain_cells = st.builds(
    Cell,
    st.tuples(*[counts] * len(CLASSES)),
    st.lists(st.floats(0.0, 1e6)).map(Histogram.of),
    details,
)
cells = st.builds(with_groups, st.builds(with_exact, plain_cells, statuses), groups, groups) | st.just(NOTHING)
