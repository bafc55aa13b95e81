"""When each scenario ends as expected, and when it does not: on made-up decisions, without a process."""

from typing import Any

import pytest

from streams.demo.result import DemoResult, RollbackTimes, demo_result, rollback_times
from streams.demo.scenario import SCENARIOS, policy_of
from streams.demo.state import DemoState

PROMOTED = {"phase": "promoted", "order": {"confirmed": True}}


def state(name: str, *decisions: tuple[int, str], **known: Any) -> DemoState:
    """Return a state with decisions (published at, action); `known` are its fields."""
    made = DemoState(SCENARIOS[name], policy_of(SCENARIOS[name]), **known)
    for number, (at, action) in enumerate(decisions):
        made.add_decision({"id": f"checkout-v2:1:{number}", "action": action, "stage": "canary"}, at)
    return made


def as_expected(made: DemoState, now: int = 1_000_000) -> bool | None:
    """Return whether the demo ended as expected; None while it has not ended."""
    found = demo_result(made, now)
    return None if found is None else found.as_expected


def test_healthy_is_promoted() -> None:
    """Only a confirmed promotion will do; a rollback of what is healthy is a failure."""
    assert as_expected(state("healthy", (0, "start"), (1, "advance"))) is None
    for phase, confirmed in (("baking", True), ("promoted", False)):
        status = {"phase": phase, "order": {"confirmed": confirmed}}
        assert as_expected(state("healthy", (0, "start"), (9, "promote"), status=status)) is None
    assert as_expected(state("healthy", (0, "start"), (9, "promote"), status=PROMOTED)) is True
    assert as_expected(state("healthy", (0, "start"), (9, "rollback"))) is False


@pytest.mark.parametrize("name", ["error-spike", "latency-regression"])
def test_a_bad_canary_is_rolled_back_and_empty(name: str) -> None:
    """The rollback counts once the canary has been without requests for two seconds, and only after the fault."""
    story = ((0, "start"), (5, "advance"), (120, "rollback"))
    assert as_expected(state(name, *story[:2], fault_at=100)) is None
    assert as_expected(state(name, *story, fault_at=100)) is None, "the router has not reported a weight of zero"
    router = {"first_bad_at": 110, "zero_at": 130, "last_forwarded_at": 129}
    assert as_expected(state(name, *story, fault_at=100, router=router), now=2_000) is None
    assert as_expected(state(name, *story, fault_at=100, router=router), now=2_130) is True
    assert as_expected(state(name, *story, fault_at=100, router=router | {"last_forwarded_at": 140})) is False
    assert as_expected(state(name, *story, router=router)) is False, "a false alarm"
    assert as_expected(state(name, (0, "start"), (200, "promote"), fault_at=100)) is False


def test_an_outage_holds_and_then_resumes() -> None:
    """Hold during the outage, resume and advance after it; neither advance nor rollback meanwhile."""
    story = [(0, "start"), (50, "advance"), (110, "hold"), (210, "resume"), (230, "advance")]
    times = {"fault_at": 100, "fault_over_at": 200}
    assert as_expected(state("telemetry-outage", *story, **times)) is True
    assert as_expected(state("telemetry-outage", *story[:4], **times)) is None
    assert as_expected(state("telemetry-outage", *story[:3], fault_at=100)) is None
    assert as_expected(state("telemetry-outage", *story[:2], **times)) is False, "it was never held"
    assert as_expected(state("telemetry-outage", *story[:3], (150, "advance"), **times)) is False
    assert as_expected(state("telemetry-outage", *story[:3], (150, "rollback"), **times)) is False


def test_sparse_traffic_decides_nothing() -> None:
    """Only a hold that lasts is as expected; an action that moves the weights is not."""
    assert as_expected(state("sparse", (0, "start"))) is None
    assert as_expected(state("sparse", (0, "start"), (100, "hold")), now=8_000) is None
    assert as_expected(state("sparse", (0, "start"), (100, "hold")), now=8_100) is True
    for action in ("advance", "promote", "rollback"):
        assert as_expected(state("sparse", (0, "start"), (100, "hold"), (200, action))) is False


def test_the_rollback_is_timed_from_the_first_bad_answer() -> None:
    """In two parts: until it was decided, and until nothing was sent any more."""
    router = {"first_bad_at": 1_000, "zero_at": 3_050, "last_forwarded_at": 3_040}
    assert rollback_times(state("error-spike", (3_000, "rollback"), router=router)) == RollbackTimes(2.0, 2.05)
    assert rollback_times(state("error-spike", router=router)) is None
    assert rollback_times(state("error-spike", (3_000, "rollback"), router=router | {"first_bad_at": None})) is None


def test_a_result_has_a_text() -> None:
    """The result states what happened."""
    assert demo_result(state("healthy", (9, "promote"), status=PROMOTED), 0) == DemoResult(
        True, "the canary was promoted"
    )
