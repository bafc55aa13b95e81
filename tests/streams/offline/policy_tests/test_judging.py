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
        {"rps": 200, "duration": "5m", "changes": [{"at": "6s", "candidate": {"error_rate": 0.4}}]}
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


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(("stage", "advances"), [("canary", True), (None, True), ("half", False)])
def test_an_approval_is_of_its_stage(stage: str | None, advances: bool, recorded: bool) -> None:
    """Of the one at that time, if none is named; of another one it is refused."""
    known: Any = POLICY.document()
    stages = [{**known["stages"][0], "approval": True}, known["stages"][1]]
    policy = Policy.parse({**known, "stages": stages, "checks": {"e": {"sli": "error_rate", "limit": "30%"}}})
    order = {"at": "10s", "control": "approve"} | ({} if stage is None else {"stage": stage})
    test = parsed(expect=["start"], controls=[order])
    if recorded:
        judged = judge_events(test, policy, [json.dumps(event).encode() for event in traffic(BEGIN, 20)])
    else:
        judged = judge_traffic(test, policy, Scenario.parse({"rps": 100, "duration": "20s"}))
    assert judged is not None
    found = [(decision.action.value, decision.approved_by) for decision in judged.decisions]
    assert (("advance", "an operator") in found) is advances


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(("flags", "epochs"), [({}, [1]), ({"confirmed": True}, [1, 2])])
def test_orders_have_the_flags_of_the_command_line(flags: dict[str, bool], epochs: list[int], recorded: bool) -> None:
    """A stage is left by hand; a promoted rollout is started again only with the flag for it."""
    controls = [
        {"at": "3s", "control": "advance", "stage": "canary"},
        {"at": "4s", "control": "advance", "stage": "canary"},
        {"at": "6s", "control": "promote"},
        {"at": "8s", "control": "start"} | flags,
    ]
    test = parsed(expect=["start"], controls=controls)
    if recorded:
        judged = judge_events(test, POLICY, [json.dumps(event).encode() for event in traffic(BEGIN, 12)])
    else:
        judged = judge_traffic(test, POLICY, Scenario.parse({"rps": 100, "duration": "12s"}))
    assert judged is not None
    first = [decision.action.value for decision in judged.decisions if decision.epoch == 1]
    assert first == ["start", "advance", "promote"]
    assert sorted({decision.epoch for decision in judged.decisions}) == epochs
