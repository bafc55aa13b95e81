"""Cells and their details: sums that are the same in any order, and samples that merge exactly."""

import doctest
from collections.abc import Callable
from dataclasses import replace

import orjson
from hypothesis import given

from gates import panes
from gates.panes import MOST_EMITTERS, NO_DETAIL, NOTHING, SAMPLE_SIZE, Cell, Detail, Pane, smallest
from gates.stats.value_counts import ValueCounts
from tests.gates.drawn import cells, details, hashes


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(panes).failed == 0


@given(details, details, details)
def test_details_merge_in_any_order(one: Detail, two: Detail, three: Detail) -> None:
    """Associative and commutative, with no details as zero."""
    assert one.merge(two) == two.merge(one)
    assert one.merge(two).merge(three) == one.merge(two.merge(three))
    assert one.merge(NO_DETAIL) == one == NO_DETAIL.merge(one)


@given(cells, cells, cells)
def test_cells_merge_in_any_order(one: Cell, two: Cell, three: Cell) -> None:
    """Associative and commutative, with the empty cell as zero."""
    assert one.merge(two) == two.merge(one)
    assert one.merge(two).merge(three) == one.merge(two.merge(three))
    assert one.merge(NOTHING) == one == NOTHING.merge(one)


@given(cells, cells)
def test_a_merge_without_latency_keeps_the_first_latencies(one: Cell, other: Cell) -> None:
    """Counts and details are those of both cells."""
    assert one.merge_without_latency(other) == replace(one.merge(other), latency=one.latency)


@given(cells, cells)
def test_a_cohort_has_a_cell_for_each_kind_of_request(user: Cell, synthetic: Cell) -> None:
    """Users' requests, synthetic ones and both; the empty cell where there were none."""
    pane = Pane(0, 1, {"canary": user}, synthetic={"canary": synthetic})
    assert (pane.cell("canary"), pane.synthetic_cell("canary")) == (user, synthetic)
    assert pane.merged_cell("canary") == user.merge(synthetic)
    assert pane.cell("stable") == pane.synthetic_cell("stable") == pane.merged_cell("stable") == NOTHING


@given(hashes, hashes)
def test_a_merged_sample_is_the_sample_of_all(one: set[int], other: set[int]) -> None:
    """The smallest of two samples are the smallest of all: no unit is lost, none counts twice."""
    merged = Detail(users=smallest(one), emitters=smallest(other, MOST_EMITTERS)).merge(
        Detail(users=smallest(other), emitters=smallest(one, MOST_EMITTERS))
    )
    assert merged.users == tuple(sorted(one | other)[:SAMPLE_SIZE])
    assert merged.emitters == tuple(sorted(one | other)[:MOST_EMITTERS])


def test_metrics_of_one_name_are_merged() -> None:
    """Values of a metric come together by its name; a metric that one side alone has is kept."""
    one = Detail(metrics={"cost": ValueCounts.of([1.0]), "score": ValueCounts.of([-2.0])})
    other = Detail(metrics={"cost": ValueCounts.of([1.0, 3.0])})
    assert one.merge(other).metrics == {"cost": ValueCounts.of([1.0, 1.0, 3.0]), "score": ValueCounts.of([-2.0])}


def same(known: Cell, loaded: Callable[[bytes], Cell]) -> bool:
    """Whether a cell comes back from its bytes equal, and gives those bytes again."""
    written = orjson.dumps(known.dump())
    return loaded(written) == known and orjson.dumps(loaded(written).dump()) == written


@given(cells)
def test_a_cell_comes_back_from_json(known: Cell) -> None:
    """A cell dumped and loaded is the same to the bit, and one without details has none."""
    assert same(known, lambda written: Cell.load(orjson.loads(written)))
    if known.detail == NO_DETAIL and not known.statuses:
        assert Cell.load(known.dump()).detail is NO_DETAIL
    lacking = replace(known, unreadable=3, clamped=min(1, known.requests))
    assert same(lacking, lambda written: Cell.load(orjson.loads(written)))
    assert lacking.merge(lacking).unreadable == 6
