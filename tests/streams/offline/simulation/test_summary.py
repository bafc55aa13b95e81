"""The figures of many runs."""

from math import inf

from gates.decisions import Action
from gates.machine.transitions import Phase
from streams.offline.simulation.estimates import Proportion
from streams.offline.simulation.run import SimulatedDecision, SimulatedRun
from streams.offline.simulation.summary import summarise


def _run(*actions: tuple[int, Action], harmful_at_ms: int | None = None, end: Phase = Phase.BAKING) -> SimulatedRun:
    taken = tuple(SimulatedDecision(at_ms, action, "tenth", 0.1, "") for at_ms, action in actions)
    return SimulatedRun(0, 0, taken, end, "tenth", 10, harmful_at_ms)


def test_a_summary_counts_what_was_wrong() -> None:
    """False rollbacks of all runs; the rest of those that lived to see the harm; no rollback is an infinite delay."""
    early = _run((4_000, Action.ROLLBACK), harmful_at_ms=5_000, end=Phase.ROLLED_BACK)
    prompt = _run((2_000, Action.ADVANCE), (7_000, Action.ROLLBACK), harmful_at_ms=5_000, end=Phase.ROLLED_BACK)
    slow = _run((6_000, Action.ADVANCE), (9_000, Action.ROLLBACK), harmful_at_ms=5_000, end=Phase.ROLLED_BACK)
    never = _run((8_000, Action.PROMOTE), harmful_at_ms=5_000, end=Phase.PROMOTED)
    summary = summarise([early, prompt, slow, never])
    assert summary.false_rollbacks == Proportion(1, 4)
    assert summary.false_advances == Proportion(2, 3)
    assert summary.detected == Proportion(2, 3)
    assert summary.median_ms is not None
    assert summary.p95_ms is not None
    assert (summary.median_ms.value, summary.p95_ms.value) == (4_000.0, inf)
    assert summary.ends == {"promoted": 1, "rolled_back": 3}
    assert summary.requests == 40
    document = summary.document()
    assert document["delay_p95_s"] == {"value": None, "interval": None}


def test_a_fine_candidate_has_no_delays() -> None:
    """Only false rollbacks are counted where there is nothing to find."""
    summary = summarise([_run((9_000, Action.ROLLBACK), end=Phase.ROLLED_BACK), _run()])
    assert summary.false_rollbacks == Proportion(1, 2)
    assert (summary.false_advances, summary.detected, summary.median_ms, summary.p95_ms) == (None, None, None, None)
