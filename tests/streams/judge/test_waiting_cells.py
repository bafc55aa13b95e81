"""The cells that wait to be judged, within a bound that a restart does not move."""

from __future__ import annotations

from gates.panes import Cell
from streams.cells import CELL_MS, CellRecord, merged
from streams.judge.waiting_cells import WaitingCells

T0 = 1_767_225_600_000


def a_cell(second: int, cohort: str = "canary") -> CellRecord:
    """Return a cell with one request."""
    return CellRecord.of(cohort, T0 + second * CELL_MS, Cell((1, 0, 0, 0, 0, 0, 0)))


def test_the_bound_is_in_bytes() -> None:
    """What has no room is not added, and what is taken makes room."""
    waiting, one = WaitingCells(), WaitingCells()
    assert one.add(a_cell(0))
    most = 3 * one.size
    assert [waiting.add(a_cell(second), most) for second in range(4)] == [True, True, True, False]
    assert list(waiting.take_before(T0 + CELL_MS)) == [a_cell(0).key]
    assert waiting.add(a_cell(4), most)
    assert waiting.size == most


def test_a_restart_counts_the_same_bytes() -> None:
    """Although it restores the sum of a cell's parts, which is smaller than they are."""
    waiting, restored = WaitingCells(), WaitingCells()
    for second in (0, 0, 1):
        waiting.add(a_cell(second))
    sums = [CellRecord.of(*key[:2], merged(cells), key[2]) for key, cells in waiting.records.items()]
    restored.restore(sums, waiting.sizes())
    assert (restored.size, restored.sizes(), restored.latest) == (waiting.size, waiting.sizes(), waiting.latest)
    older = WaitingCells()
    older.restore(sums, [])
    assert 0 < older.size < waiting.size


def test_what_is_too_far_ahead_is_dropped() -> None:
    """Whatever is before it stays."""
    waiting = WaitingCells()
    for second in (0, 1, 10**9):
        waiting.add(a_cell(second))
    assert waiting.latest == a_cell(10**9).start
    assert waiting.drop_from(T0 + 2 * CELL_MS) == [a_cell(10**9)]
    assert (list(waiting.records), waiting.latest) == ([a_cell(0).key, a_cell(1).key], a_cell(1).start)
    assert len(waiting.drop_from(T0)) == 2
    assert (waiting.size, waiting.latest) == (0, 0)
