"""Orders: whose confirmation is needed, and what is shown of those that did not confirm."""

import pytest

from gates.documents.readers import MOST_ACTUATORS
from gates.machine.orders import ActuatorReport, Order

WEIGHTS = {"stable": 90, "canary": 10}


def report(actuator: str, status: str = "applied", *, confirms: bool | None = None, reason: str = "") -> ActuatorReport:
    """A report; an applied one confirms unless it is stated otherwise."""
    return ActuatorReport(actuator, status, reason, WEIGHTS, 5, status == "applied" if confirms is None else confirms)


def test_without_names_one_confirmation_is_enough() -> None:
    """A failure of another actuator stays visible beside it."""
    order = Order(3, WEIGHTS, ()).add(report("envoy", "failed", reason="no route"))
    assert (order.confirmed, order.open_text()) == (False, "envoy failed: no route")
    order = order.add(report("haproxy"))
    assert (order.confirmed, order.confirmed_by, order.waiting_for) == (True, ["haproxy"], [])
    assert order.problems == ["envoy failed: no route"]


def test_all_named_actuators_must_confirm() -> None:
    """Another one's confirmation does not count, and who is missing is named."""
    order = Order(3, WEIGHTS, ("eu", "us")).add(report("log")).add(report("eu"))
    assert (order.confirmed, order.waiting_for) == (False, ["us"])
    assert order.open_text() == "us has not reported"
    failed = order.add(report("us", "failed", reason="ConnectionRefusedError"))
    assert (failed.confirmed, failed.open_text()) == (False, "us failed: ConnectionRefusedError")
    assert failed.add(report("us")).confirmed


def test_a_later_failure_does_not_take_a_confirmation_back() -> None:
    """It is shown: the order was carried out, and something is wrong now."""
    order = Order(3, WEIGHTS, ()).add(report("eu")).add(report("eu", "failed", reason="gone"))
    assert (order.confirmed, order.confirmed_by, order.problems) == (True, [], ["eu failed: gone"])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (report("eu"), ""),
        (report("eu", confirms=False), "eu observes other weights (stable 90%, canary 10%)"),
        (report("eu", "expired"), "eu expired: no reason given"),
    ],
)
def test_the_problem_of_a_report(given: ActuatorReport, text: str) -> None:
    """None if it confirms; other weights; or the status with its reason."""
    assert given.problem == text


def test_the_number_of_reports_is_bounded() -> None:
    """Whoever may write acks chooses names; a needed actuator is always kept."""
    order = Order(3, WEIGHTS, ("eu",))
    for number in range(MOST_ACTUATORS + 5):
        order = order.add(report(f"x{number}"))
    assert (len(order.reports), order.confirmed) == (MOST_ACTUATORS, False)
    assert order.add(report("eu")).confirmed


def test_an_order_nobody_reported_on() -> None:
    """Where any actuator suffices, none can be named."""
    assert Order(3, WEIGHTS, ()).open_text() == "no actuator has reported"
