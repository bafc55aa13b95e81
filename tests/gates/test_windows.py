"""Sliding windows: filled at once they are what they would be pushed pane by pane, and go through JSON unchanged."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gates.panes import CLASSES, NO_COUNTS, NO_DETAIL, NOTHING, Cell, Detail
from gates.stats.histogram import Histogram
from gates.windows import CohortWindow, dump_panes, load_panes
from tests.gates.drawn import cells

SECOND = 1_000
LENGTHS = (SECOND, 5 * SECOND, 60 * SECOND)

journeys = st.lists(st.one_of(st.just(NOTHING), cells), max_size=12)
"""What a cohort did, second by second."""


def pushed(length_ms: int, journey: list[Cell]) -> CohortWindow:
    """A window as it is when every pane was pushed."""
    window = CohortWindow(length_ms)
    for at, cell in enumerate(journey):
        window.push(at * SECOND, (at + 1) * SECOND, cell)
    return window


def state(window: CohortWindow) -> dict[str, Any]:
    """All that is in a window."""
    plain = {name: getattr(window, name) for name in CohortWindow.__slots__ if name not in ("_latency", "_asked")}
    return plain | {"latency": window.latency().cumulative()[1].tolist()}


@given(journeys, st.sampled_from(LENGTHS))
def test_filled_at_once_is_pushed_one_by_one(journey: list[Cell], length_ms: int) -> None:
    """From the panes of a longer window: the same sums, panes and end; and so it stays as time goes on."""
    expected, known = pushed(length_ms, journey), pushed(LENGTHS[-1], journey)
    filled = CohortWindow(length_ms)
    filled.fill(known.panes(), known.end)
    assert state(filled) == state(expected)
    assert filled.latency().quantile(0.5) == expected.latency().quantile(0.5)
    for at in range(len(journey), len(journey) + 7):
        for window in (filled, expected):
            window.push(at * SECOND, (at + 1) * SECOND, NOTHING)
        assert state(filled) == state(expected)


@given(journeys)
@example([])
@example([Cell(latency=Histogram.of([1.0, 250.0])), NOTHING, Cell(detail=Detail(succeeded=1))])
def test_panes_go_through_json(journey: list[Cell]) -> None:
    """Columns and back: the same panes, and without details none."""
    panes = [(at * SECOND, cell) for at, cell in enumerate(journey)]
    loaded = load_panes(json.loads(json.dumps(dump_panes(panes))))
    assert loaded == panes
    assert all((cell.detail is NO_DETAIL) == (cell.detail == NO_DETAIL) for _, cell in loaded)
    assert all(not part.flags.writeable for _, cell in loaded for part in (cell.latency.indices, cell.latency.counts))
    assert dump_panes(loaded) == dump_panes(panes)


OUTCOMES = (*CLASSES, 404, 429, 503, "grpc:8", "grpc:14")


@given(journeys, st.sets(st.sampled_from(OUTCOMES)), st.sampled_from(LENGTHS))
def test_errors_are_those_of_the_cells(journey: list[Cell], outcomes: set[str | int], length_ms: int) -> None:
    """Of classes and of exact statuses: the sum over the cells in the window, and of them merged."""
    inside = journey[-(length_ms // SECOND) :]
    total = sum(cell.errors(outcomes) for cell in inside)
    assert pushed(length_ms, journey).errors(outcomes) == total == reduce(Cell.merge, inside, NOTHING).errors(outcomes)


def test_an_earlier_snapshot_has_no_exact_statuses() -> None:
    """Its panes are read as they were."""
    columns = dump_panes([(0, Cell(NO_COUNTS, Histogram.of([1.0])))])
    del columns["statuses"]
    assert load_panes(columns)[0][1].statuses == {}


@pytest.mark.parametrize("column", ["starts", "counts", "sizes", "buckets", "numbers"])
def test_columns_that_do_not_fit_are_refused(column: str) -> None:
    """A value too few in any of them."""
    cell = Cell((1, 1, *NO_COUNTS[2:]), Histogram(np.array([7, 9]), np.array([1, 1])))
    columns = dump_panes([(0, cell), (SECOND, cell)])
    cut = columns[column][0] if column == "counts" else columns[column]
    del cut[-1]
    with pytest.raises(ValueError, match=r"argument|as many"):
        load_panes(columns)
