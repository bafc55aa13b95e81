"""What each scenario accepts as its promise kept, and what it does not: on decisions made up, without a process."""

from typing import Any

import pytest

from streams.demo.outcome import Measured, Outcome, measured, outcome
from streams.demo.scenario import FAST, SCENARIOS, policy_of
from streams.demo.scene import Flow, Scene


def scene(name: str, *decisions: tuple[int, str], **known: Any) -> Scene:
    """Give a scene with decisions (published at, action); `known` are its fields."""
    made = Scene(SCENARIOS[name], policy_of(SCENARIOS[name]), **known)
    for number, (at, action) in enumerate(decisions):
        made.decided({"id": f"checkout-v2:1:{number}", "action": action, "stage": "canary"}, at)
    return made


def kept(made: Scene, now: int = 1_000_000) -> bool | None:
    """Tell whether the promise was kept; None while it is open."""
    found = outcome(made, now)
    return None if found is None else found.kept


def test_healthy_is_promoted() -> None:
    """Only a promotion will do; a rollback of what is healthy is a failure."""
    assert kept(scene("healthy", (0, "start"), (1, "advance"))) is None
    assert kept(scene("healthy", (0, "start"), (9, "promote"))) is True
    assert kept(scene("healthy", (0, "start"), (9, "rollback"))) is False


@pytest.mark.parametrize("name", ["error-spike", "latency-regression"])
def test_a_bad_canary_is_rolled_back_and_empty(name: str) -> None:
    """The rollback counts once the canary has been without requests for two seconds, and only after the fault."""
    story = ((0, "start"), (5, "advance"), (120, "rollback"))
    assert kept(scene(name, *story[:2], fault_at=100)) is None
    assert kept(scene(name, *story, fault_at=100)) is None, "the router has not said that it obeyed"
    account = {"first_bad_at": 110, "zero_at": 130, "last_forwarded_at": 129}
    assert kept(scene(name, *story, fault_at=100, account=account), now=2_000) is None
    assert kept(scene(name, *story, fault_at=100, account=account), now=2_130) is True
    assert kept(scene(name, *story, fault_at=100, account=account | {"last_forwarded_at": 140})) is False
    assert kept(scene(name, *story, account=account)) is False, "a false alarm"
    assert kept(scene(name, (0, "start"), (200, "promote"), fault_at=100)) is False


def test_an_outage_holds_and_then_resumes() -> None:
    """Hold during the outage, resume and advance after it; neither advance nor rollback meanwhile."""
    story = [(0, "start"), (50, "advance"), (110, "hold"), (210, "resume"), (230, "advance")]
    times = {"fault_at": 100, "fault_over_at": 200}
    assert kept(scene("telemetry-outage", *story, **times)) is True
    assert kept(scene("telemetry-outage", *story[:4], **times)) is None
    assert kept(scene("telemetry-outage", *story[:3], fault_at=100)) is None
    assert kept(scene("telemetry-outage", *story[:2], **times)) is False, "it was never held"
    assert kept(scene("telemetry-outage", *story[:3], (150, "advance"), **times)) is False
    assert kept(scene("telemetry-outage", *story[:3], (150, "rollback"), **times)) is False


def test_sparse_traffic_decides_nothing() -> None:
    """A hold that lasts is what is wanted; whatever moves the weights is not."""
    assert kept(scene("sparse", (0, "start"))) is None
    assert kept(scene("sparse", (0, "start"), (100, "hold")), now=8_000) is None
    assert kept(scene("sparse", (0, "start"), (100, "hold")), now=8_100) is True
    for word in ("advance", "promote", "rollback"):
        assert kept(scene("sparse", (0, "start"), (100, "hold"), (200, word))) is False


def test_the_rollback_is_timed_from_the_first_bad_answer() -> None:
    """In two parts: until it was decided, and until nothing was sent any more."""
    account = {"first_bad_at": 1_000, "zero_at": 3_050, "last_forwarded_at": 3_040}
    assert measured(scene("error-spike", (3_000, "rollback"), account=account)) == Measured(2.0, 2.05)
    assert measured(scene("error-spike", account=account)) is None
    assert measured(scene("error-spike", (3_000, "rollback"), account=account | {"first_bad_at": None})) is None


def test_a_repeated_decision_is_one() -> None:
    """Commands are sent again until they are acknowledged; the timeline has each once."""
    made = scene("healthy", (0, "start"))
    assert made.decided({"id": "checkout-v2:1:0", "action": "start", "stage": "canary"}, 7) is None
    assert len(made.decisions) == 1


def test_traffic_is_that_of_the_last_seconds() -> None:
    """Rates come from the difference of two readings, at least three seconds apart once there are such."""
    made = scene("healthy")
    for second in range(6):
        canary = {"requests": 10 * second, "errors": 5 if second == 5 else 0}
        made.routed({"tallies": {"stable": {"requests": 90 * second, "errors": 0}, "canary": canary}}, float(second))
    assert made.flows() == {"stable": Flow(90.0, 0.0), "canary": Flow(10.0, 5 / 30)}


@pytest.mark.parametrize("pace", [1.0, FAST])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_policy_leaves_time_for_the_fault(name: str, pace: float) -> None:
    """The second stage bakes for at least three seconds longer than it takes the fault to come."""
    policy, fault = policy_of(SCENARIOS[name], pace=pace), SCENARIOS[name].fault
    assert len(policy.stages) == 4
    if fault is not None:
        assert policy.stages[1].bake_ms >= (fault.after_s * pace + 3.0) * 1000.0


def test_an_outcome_is_a_value() -> None:
    """Two outcomes that say the same are the same."""
    assert outcome(scene("healthy", (9, "promote")), 0) == Outcome(True, "the canary was promoted")
