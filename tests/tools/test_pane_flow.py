"""The flow of one pane is measured, and stays short."""

from tools.pane_flow import GATE, measure, table


def test_the_flow_is_that_of_one_pane() -> None:
    """The gate's function is called once, and the judge passes every file that the gate passes."""
    flows = measure()
    judge, gate = flows["judge"], flows["gate"]
    assert GATE[0] in gate.functions_by_file
    assert set(gate.functions_by_file) < set(judge.functions_by_file)
    assert gate.moves < judge.moves < judge.calls


MOST_FILES, MOST_MOVES = 48, 385
"""Bounds for the gate's part: the files and moves measured last, with little room for a change of the flow."""


def test_the_gate_judges_a_pane_without_detours() -> None:
    """A change that sends control back and forth between files for each pane is noticed."""
    gate = measure()["gate"]
    assert gate.files <= MOST_FILES
    assert gate.moves <= MOST_MOVES


def test_it_is_the_same_each_time() -> None:
    """Nothing in the flow depends on chance or on a clock."""
    assert table(measure()) == table(measure())
