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
    scenario = SCENARIOS["healthy"].model_copy(update={"duration_ms": 300_000, "users": False})
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
    scenario = SCENARIOS["healthy"].model_copy(update={"duration_ms": 300_000, "users": False})
    assert simulate_run(named, scenario, 1, 0) == simulate_run(POLICY, scenario, 1, 0)


def compared(weight: str, **check: object) -> Policy:
    """A policy of one stage and one comparison."""
    stage = {"name": "only", "weight": weight, "bake": "30m"}
    document = {"schema": "sluicegate.policy/v1", "rollout": "r", "min_requests": 1}
    cohorts = {"baseline": "stable", "candidate": "canary"}
    return Policy.parse(document | {"cohorts": cohorts, "stages": [stage], "checks": {"one": check}})


def test_thin_traffic_is_judged() -> None:
    """One request a second in turns, all of the candidate's failing; by the rules of before it was never judged."""
    policy = compared("50%", sli="error_rate", ratio=1.25)
    thin = Scenario.parse({"rps": 1, "arrivals": "even", "changes": [{"at": "0s", "down": True}], "duration": "5m"})
    assert 0 < (simulate_run(policy, thin, 1, 0).delay_ms or 0) <= 90_000
    assert simulate_run(policy, thin, 1, 0, rules=2).rollback_ms is None


def test_a_pause_of_one_instance_rolls_nothing_back() -> None:
    """Each instance has one a minute; by the rules of before, the candidate's was enough."""
    policy = compared("9%", sli="latency", quantile=0.95, ratio=1.1)
    pauses = {"stalls": [{"every": "1m", "length": "1s"}]}
    scenario = Scenario.parse({"rps": 550, "duration": "4m", "instances": pauses})
    assert simulate_run(policy, scenario, 1, 0).end is not Phase.ROLLED_BACK
    assert simulate_run(policy, scenario, 1, 0, rules=2).end is Phase.ROLLED_BACK


def test_atoms_are_compared() -> None:
    """Latencies of a few whole milliseconds, half of them zero: alike in both cohorts, so the rollout advances."""
    policy = Policy.parse(
        compared("10%", sli="latency", quantile=0.95, ratio=1.1).document()
        | {"stages": [{"name": "only", "weight": "10%", "bake": "1m"}]}
    )
    run = simulate_run(policy, SCENARIOS["whole-milliseconds"].model_copy(update={"duration_ms": 300_000}), 1, 0)
    assert run.end is Phase.PROMOTED
