"""The flow of one pane is measured, and stays short."""

from tools.pane_flow import GATE, measure, table


def test_the_flow_is_that_of_one_pane() -> None:
    """The gate's function is called once, and the judge passes every file that the gate passes."""
    flows = measure()
    judge, gate = flows["judge"], flows["gate"]
    assert GATE[0] in gate.functions_by_file
    assert set(gate.functions_by_file) < set(judge.functions_by_file)
    assert gate.moves < judge.moves < judge.calls


def test_it_is_the_same_each_time() -> None:
    """Nothing in the flow depends on chance or on a clock."""
    assert table(measure()) == table(measure())
