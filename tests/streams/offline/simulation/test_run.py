"""One simulated rollout."""

from gates.decisions import Action
from gates.machine.transitions import Phase
from gates.policy import Policy
from streams.offline.simulation.named import SCENARIOS
from streams.offline.simulation.run import simulate_run
from streams.offline.simulation.scenario import Scenario

POLICY = Policy.parse(
    {
        "schema": "sluicegate.policy/v1",
        "rollout": "r",
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "stages": [
            {"name": "tenth", "weight": "10%", "bake": "20s"},
            {"name": "half", "weight": "50%", "bake": "20s"},
        ],
        "checks": {"errors": {"sli": "error_rate", "ratio": 1.25, "limit": "10%", "window": "10s"}},
    }
)


def test_a_good_candidate_is_promoted_and_a_bad_one_rolled_back() -> None:
    """The gate sees the panes, and its decisions are obeyed and acknowledged."""
    scenario = SCENARIOS["healthy"].model_copy(update={"duration_ms": 240_000, "users": False})
    healthy = simulate_run(POLICY, scenario, 1, 0)
    moved = [decision for decision in healthy.actions if decision.action is not Action.HOLD]
    assert [decision.action for decision in moved] == [Action.START, Action.ADVANCE, Action.PROMOTE]
    assert [decision.weight for decision in moved] == [0.1, 0.5, 1.0]
    assert (healthy.end, healthy.stage, healthy.delay_ms) == (Phase.PROMOTED, "half", None)
    down = simulate_run(POLICY, Scenario.parse({"changes": [{"at": "10s", "down": True}]}), 1, 0)
    assert (down.end, down.rollback_ms) == (Phase.ROLLED_BACK, 10_000 + (down.delay_ms or 0))
    assert 0 < (down.delay_ms or 0) <= 3_000
    assert not down.falsely_rolled_back


def test_an_outage_holds() -> None:
    """Broken telemetry never rolls back, and the rollout continues afterwards."""
    run = simulate_run(POLICY, Scenario.parse({"changes": [{"at": "10s", "until": "40s", "outage": True}]}), 1, 0)
    actions = [decision.action for decision in run.actions]
    assert actions[:3] == [Action.START, Action.HOLD, Action.RESUME]
    assert actions[-1] is Action.PROMOTE


def test_every_actuator_that_the_policy_names_acknowledges() -> None:
    """A policy that needs several confirmations runs as the same policy without names."""
    named = Policy.parse(POLICY.document() | {"commands": {"actuators": ["haproxy-eu", "haproxy-us"]}})
    scenario = SCENARIOS["healthy"].model_copy(update={"duration_ms": 240_000, "users": False})
    assert simulate_run(named, scenario, 1, 0) == simulate_run(POLICY, scenario, 1, 0)
