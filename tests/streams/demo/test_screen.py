"""What the demo shows while it runs."""

import io

from rich.console import Console

from streams.demo.addresses import Addresses
from streams.demo.scenario import SCENARIOS, policy_of
from streams.demo.screen import LiveScreen, PlainScreen, Screen
from streams.demo.state import DemoState, Note
from tools.topics_page import examples

AT = Addresses("127.0.0.1:1", *(f"http://127.0.0.1:{port}" for port in range(2, 6)))


def state() -> DemoState:
    """Return a demo with a status, a decision and a note."""
    made = DemoState(SCENARIOS["error-spike"], policy_of(SCENARIOS["error-spike"]))
    made.status = examples.status()
    made.add_decision(examples.decision(), 3_000)
    made.notes.append(Note(1_000, "the canary fails"))
    return made


def shown(screen: Screen, out: io.StringIO, rounds: int) -> str:
    """Return what a screen prints of the same state in this many rounds."""
    made = state()
    screen.open(made, AT, 300.0)
    for _ in range(rounds):
        screen.update(made)
    screen.close()
    return out.getvalue()


def test_lines_are_printed_once() -> None:
    """Each decision and note has its line, however often the state is shown."""
    out = io.StringIO()
    text = shown(PlainScreen(Console(file=out, width=120)), out, rounds=3)
    assert text.count("now: the canary fails") == 1
    assert text.count(" rollback ") == 1
    assert "300 requests per second" in text


def test_the_live_view_needs_a_status() -> None:
    """Before the first one it is the view of the start; it works without a terminal, too."""
    out = io.StringIO()
    screen = LiveScreen(Console(file=out, width=120, height=50, force_terminal=True))
    screen.update(state())  # not open yet
    text = shown(screen, out, rounds=2)
    assert "checkout-v2" in text
