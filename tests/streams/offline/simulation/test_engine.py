"""Many simulated rollouts: the same seed gives the same runs."""

import signal

import numpy as np

from gates.policy import Policy
from gates.rules import CURRENT
from streams.offline.simulation.engine import simulate
from streams.offline.simulation.named import SCENARIOS

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


def test_the_same_seed_gives_the_same_runs() -> None:
    """However many processes, and however many runs: each run depends only on the seed and its number."""
    scenario = SCENARIOS["error-x2"].model_copy(update={"duration_ms": 60_000})
    before = signal.getsignal(signal.SIGINT)
    alone = simulate(POLICY, scenario, runs=4, jobs=1, seed=7)
    calls: list[None] = []
    assert simulate(POLICY, scenario, runs=4, jobs=2, seed=7, done=lambda: calls.append(None)) == alone
    assert len(calls) == 4
    assert signal.getsignal(signal.SIGINT) is before
    assert simulate(POLICY, scenario, runs=2, jobs=1, seed=7) == alone[:2]
    assert simulate(POLICY, scenario, runs=1, jobs=1, seed=8)[0].requests != alone[0].requests
    assert len({run.requests for run in alone}) == 4
    spawned = np.random.SeedSequence(7).spawn(4)[2]
    again = np.random.SeedSequence(7, spawn_key=(2,))
    assert spawned.generate_state(4).tolist() == again.generate_state(4).tolist()


def test_rules_of_an_earlier_release_judge_the_same_traffic() -> None:
    """On request, in as many processes as wanted; the runs keep the number."""
    scenario = SCENARIOS["healthy"].model_copy(update={"duration_ms": 60_000})
    before = simulate(POLICY, scenario, runs=2, jobs=2, seed=7, rules=2)
    now = simulate(POLICY, scenario, runs=2, jobs=1, seed=7)
    assert [run.rules for run in (*before, *now)] == [2, 2, CURRENT, CURRENT]
    assert [run.actions for run in before] != [run.actions for run in now]
    assert simulate(POLICY, scenario, runs=1, jobs=1, seed=7, rules=2) == before[:1]
