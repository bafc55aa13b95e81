"""The demo's scenarios and their policies."""

import pytest

from streams.demo.scenario import FAST, SCENARIOS, policy_of


@pytest.mark.parametrize("pace", [1.0, FAST])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_policy_leaves_time_for_the_fault(name: str, pace: float) -> None:
    """The second stage bakes for at least three seconds after the fault begins."""
    policy, fault = policy_of(SCENARIOS[name], pace=pace), SCENARIOS[name].fault
    assert len(policy.stages) == 4
    if fault is not None:
        assert policy.stages[1].bake_ms >= (fault.after_s * pace + 3.0) * 1000.0
