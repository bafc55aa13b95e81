"""The state of a running demo."""

from streams.demo.scenario import SCENARIOS, policy_of
from streams.demo.state import CohortRate, DemoState


def state() -> DemoState:
    """Return the state at the start of a demo."""
    return DemoState(SCENARIOS["healthy"], policy_of(SCENARIOS["healthy"]))


def test_a_repeated_decision_is_one() -> None:
    """A decision is sent again until it is confirmed; the state has it once."""
    made = state()
    for at in (0, 7):
        made.add_decision({"id": "checkout-v2:1:0", "action": "start", "stage": "canary"}, at)
    assert [one.at for one in made.decisions] == [0]


def test_traffic_is_that_of_the_last_seconds() -> None:
    """Rates come from two reports that are three seconds apart, once there are such."""
    made = state()
    for second in range(6):
        canary = {"requests": 10 * second, "errors": 5 if second == 5 else 0}
        made.add_router_report(
            {"tallies": {"stable": {"requests": 90 * second, "errors": 0}, "canary": canary}}, float(second)
        )
    assert made.rates() == {"stable": CohortRate(90.0, 0.0), "canary": CohortRate(10.0, 5 / 30)}
