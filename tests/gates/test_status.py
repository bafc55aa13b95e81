"""Statuses: where a rollout stands while it runs, after its end, and what it lacks."""

from __future__ import annotations

from dataclasses import replace

from gates.machine.rollout import Controlled
from gates.machine.transitions import Signal
from gates.telemetry import CohortTelemetry
from tests.gates.test_gate import BAD, GOOD, at, fed, started


def test_a_status_survives_the_end() -> None:
    """The last figures and the reason stay; before, the progress of the stage is shown."""
    gate = started()
    fed(gate, GOOD, range(3))
    before = gate.status(at(3))
    assert (before["phase"], before["confirmed"], before["baked_ms"]) == ("baking", True, 3_000)
    fed(gate, BAD, range(3, 8))
    after = gate.status(at(8))
    assert (after["phase"], after["weights"]) == ("rolled_back", {"stable": 100, "canary": 0})
    assert str(after["reason"]).startswith("errors: canary")
    assert after.keys() == before.keys()
    assert after["slis"]


def test_the_next_look_is_in_the_status() -> None:
    """When the open block ends, why it is so long, and what limits the evidence; nothing once the rollout has ended."""
    gate = started()
    fed(gate, GOOD, range(4))
    blocks = gate.status(at(4))["blocks"]
    assert isinstance(blocks, dict)
    known = {"rho_s": 1.0, "phi": 12.0, "stated": False, "settled": False, "agreement": None}
    assert blocks == {"errors": {"left_ms": 2_000, "length_ms": 2_000} | known}
    fed(gate, BAD, range(4, 9))
    assert gate.status(at(9))["blocks"] == {}


def test_a_refused_order_is_in_the_status() -> None:
    """With who gave it and why it was refused."""
    gate = started()
    assert gate.control(Controlled(Signal.OPERATOR_RESUME, "ada", "go", 7), at(1)) == ()
    control = gate.status(at(1))["control"]
    assert isinstance(control, dict)
    assert (control["by"], control["accepted"]) == ("ada", False)


def test_what_the_last_minute_lacks_is_in_the_status() -> None:
    """With the cohort; null where nothing is missing."""
    gate = started()
    fed(gate, GOOD, range(3))
    assert gate.status(at(3))["lately"] is None
    counts = CohortTelemetry(50, unreadable=50)
    gate.state = replace(gate.state, evaluation=replace(gate.state.evaluation, lately=("canary", counts)))
    assert gate.status(at(3))["lately"] == {"cohort": "canary", **counts.document()}


def test_what_a_pass_takes_is_in_the_status() -> None:
    """Requests that may support it, and how long its evidence takes; of an ended rollout no requests."""
    gate = started()
    fed(gate, GOOD, range(3))
    needs = gate.status(at(3))["needs"]
    assert isinstance(needs, dict)
    assert needs["requests"] == {"canary": 150, "stable": 1_350}
    assert needs["pass_s"]["errors"] > 0.0
    fed(gate, BAD, range(3, 8))
    ended = gate.status(at(8))["needs"]
    assert isinstance(ended, dict)
    assert ended["requests"] == {}


def test_where_no_order_was_given_there_is_none_in_the_status() -> None:
    """Null, and not confirmed."""
    gate = started()
    gate.state = replace(gate.state, order=None)
    status = gate.status(at(1))
    assert (status["order"], status["confirmed"]) == (None, False)
