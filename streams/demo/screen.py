"""What the demo shows while it runs: a live view, or lines if there is no terminal."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from gates.text import clock_time
from streams.clock import wall_ms
from streams.demo.addresses import Addresses
from streams.demo.panels import STARTING, opening_view, starting_view, traffic_text, traffic_view
from streams.demo.state import DemoState
from streams.views.rollout import rollout_view
from streams.views.timeline import decision_line, status_line

SECOND_MS = 1_000
LATEST = ((45, 6), (32, 3), (0, 1))
"""Rows of the terminal, and how many of the latest decisions fit: the view must not scroll."""


class Screen(Protocol):
    """Shows a demo."""

    def open(self, state: DemoState, at: Addresses, rps: float) -> None:
        """Show the scenario and the addresses, before anything starts."""

    def update(self, state: DemoState) -> None:
        """Show the state as it is now; called several times per second."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class LiveScreen:
    """One view, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def open(self, state: DemoState, at: Addresses, rps: float) -> None:
        """Print the opening; the live view is below it."""
        self._console.print(opening_view(state, at, rps))
        self._live = Live(
            starting_view(), console=self._console, transient=True, refresh_per_second=4, redirect_stderr=False
        )
        self._live.start()

    def update(self, state: DemoState) -> None:
        """Redraw."""
        if self._live is not None and state.status:
            decisions = [one.document for one in state.decisions]
            latest = next(number for rows, number in LATEST if self._console.height >= rows)
            rollout = rollout_view(state.status, decisions, wall_ms(), latest=latest)
            self._live.update(Group(Padding(traffic_view(state), (0, 3, 1, 3)), rollout))

    def close(self) -> None:
        """Remove the view."""
        if self._live is not None:
            self._live.stop()


class PlainScreen:
    """A line per decision and note, and one per second for the status."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_at = 0
        self._decisions = 0
        self._notes = 0

    def open(self, state: DemoState, at: Addresses, rps: float) -> None:
        """Print the opening."""
        self._console.print(opening_view(state, at, rps))
        self._print(STARTING)

    def update(self, state: DemoState) -> None:
        """Print new decisions and notes and, once a second, the status."""
        for decision in state.decisions[self._decisions :]:
            self._print(decision_line(decision.document))
        for note in state.notes[self._notes :]:
            self._print(f"{clock_time(note.at)}  now: {note.text}")
        self._decisions, self._notes = len(state.decisions), len(state.notes)
        now = wall_ms()
        if state.status and now >= self._next_at:
            self._next_at = now + SECOND_MS
            self._print(f"{status_line(state.status)}  |  {traffic_text(state)}")

    def close(self) -> None:
        """Nothing is open."""

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)
