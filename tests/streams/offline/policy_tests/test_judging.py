"""Judging recorded and simulated traffic with the orders of operators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gates.policy import Policy
from streams.offline.policy_tests.document import PolicyTest
from streams.offline.policy_tests.judging import judge_events, judge_traffic
from streams.offline.simulation.run import simulate_run
from streams.offline.simulation.scenario import Scenario
from tests.pipeline.harness import POLICY, traffic

BEGIN = 1_767_225_600_000
EXAMPLES = Path(__file__).parents[4] / "examples" / "policy-tests"


def parsed(**keys: Any) -> PolicyTest:
    """Return the test of this content."""
    return PolicyTest.parse(keys)


def test_simulated_traffic_is_that_of_simulate() -> None:
    """The decisions of a seed and a run are those that `sluicegate simulate` counts."""
    scenario = Scenario.parse(
        {"rps": 200, "duration": "5m", "changes": [{"at": "1m", "candidate": {"error_rate": 0.4}}]}
    )
    run = simulate_run(POLICY, scenario, seed=7, number=3)
    judged = judge_traffic(parsed(never=["pause"], scenario="healthy", seed=7, run=3), POLICY, scenario)
    assert [(d.event_time - judged.start_ms, d.action, d.reason) for d in judged.decisions[1:]] == [
        (each.at_ms, each.action, each.reason) for each in run.actions[1:]
    ]
    assert judged.decisions[-1].action == "rollback"


@pytest.mark.parametrize("recorded", [True, False])
def test_orders_of_operators_are_carried_out(recorded: bool) -> None:
    """Orders take effect at their time, for recorded and for simulated traffic; without acks nothing advances."""
    controls = [
        {"at": "2s", "control": "pause"},
        {"at": "4s", "control": "resume"},
        {"at": "6s", "control": "rollback"},
    ]
    keys: dict[str, Any] = {
        "never": ["advance"],
        "controls": [*controls, {"at": "8s", "control": "start"}],
        "acks": "none",
    }
    if recorded:
        lines = [json.dumps(event).encode() for event in traffic(BEGIN, 20)]
        judged = judge_events(parsed(**keys), POLICY, lines)
    else:
        judged = judge_traffic(parsed(**keys), POLICY, Scenario.parse({"rps": 100, "duration": "20s"}))
    assert judged is not None
    found = [(d.action, d.epoch) for d in judged.decisions]
    assert found[:5] == [("start", 1), ("pause", 1), ("resume", 1), ("rollback", 1), ("start", 2)]
    assert not {"advance", "promote"} & {action for action, _ in found}


def test_no_events_are_no_test() -> None:
    """Lines without an event give no decisions."""
    assert judge_events(parsed(expect=["start"]), POLICY, [b"nonsense\n", b"\n"]) is None


def test_every_actuator_that_the_policy_names_acknowledges() -> None:
    """A policy that needs several confirmations advances on simulated traffic."""
    named = Policy.parse(POLICY.document() | {"commands": {"actuators": ["haproxy-eu", "haproxy-us"]}})
    scenario = Scenario.parse({"rps": 200, "duration": "5m"})
    judged = judge_traffic(parsed(never=["pause"], scenario="healthy"), named, scenario)
    assert "advance" in [decision.action for decision in judged.decisions]
