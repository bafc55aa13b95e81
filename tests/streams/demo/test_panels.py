"""What the demo prints at its start and its end."""

import io

from rich.console import Console, RenderableType

from streams.demo.addresses import Addresses
from streams.demo.panels import closing_view, opening_view, traffic_text
from streams.demo.result import DemoResult
from streams.demo.scenario import SCENARIOS, policy_of
from streams.demo.state import DemoState


def shown(view: RenderableType) -> str:
    """Return a view as text, without repeated spaces."""
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(view)
    return " ".join(console.export_text().split())


def state() -> DemoState:
    """Return the state at the start of a demo."""
    return DemoState(SCENARIOS["error-spike"], policy_of(SCENARIOS["error-spike"]))


def test_the_opening_has_every_address() -> None:
    """So that one can look at each process."""
    at = Addresses("127.0.0.1:1", *(f"http://127.0.0.1:{port}" for port in range(2, 6)))
    text = shown(opening_view(state(), at, 300.0))
    assert "300 requests per second to http://127.0.0.1:5/checkout" in text
    assert all(f"127.0.0.1:{port}" in text for port in range(1, 6))


def test_the_closing_times_the_rollback() -> None:
    """From the first bad answer to the decision and to the last request."""
    made = state()
    decision = {"event_time": 0, "stage": "quarter", "weights": {"stable": 100}, "reason": "errors"}
    made.add_decision(decision | {"id": "r:1:1", "action": "rollback"}, 3_000)
    made.router = {"first_bad_at": 1_000, "zero_at": 3_050, "last_forwarded_at": 3_040}
    text = shown(closing_view(made, DemoResult(True, "the bad canary was rolled back")))
    assert "2.00 s the gate decided to roll back 2.05 s the last request went to canary" in text
    assert "as expected: the bad canary was rolled back" in text


def test_traffic_before_the_second_report() -> None:
    """There is no rate yet."""
    assert traffic_text(state()) == "no traffic yet"
