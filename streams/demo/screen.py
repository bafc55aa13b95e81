"""What the audience sees: a calm picture, or lines where there is no terminal, and an account at the end."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gates.text import clock_time, percent
from streams.clock import wall_ms
from streams.demo.outcome import Outcome, measured
from streams.demo.processes import Addresses
from streams.demo.scene import Decided, Scene
from streams.views.rollout import decisions_view, rollout_view
from streams.views.timeline import decision_in_words, status_in_words

SECOND_MS = 1_000
STARTING = "starting broker, worker, upstreams and router; joining its groups takes the worker some seconds"
LATEST = ((45, 6), (32, 3), (0, 1))
"""On a terminal of so many rows, so many of the latest decisions are in the picture."""


class Screen(Protocol):
    """Shows a demo."""

    def opening(self, scene: Scene, at: Addresses, rps: float) -> None:
        """What will be seen, and where everything is; before it starts."""

    def decided(self, decision: Decided) -> None:
        """A decision was published."""

    def note(self, words: str) -> None:
        """Something was done to the canary or the telemetry, just now."""

    def update(self, scene: Scene) -> None:
        """Several times a second."""

    def close(self) -> None:
        """The show is over."""


class LiveScreen:
    """One picture, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._note = ""

    def opening(self, scene: Scene, at: Addresses, rps: float) -> None:
        """Print it; the picture follows below."""
        self._console.print(opening_view(scene, at, rps))
        self._live = Live(
            _starting(), console=self._console, transient=True, refresh_per_second=4, redirect_stderr=False
        )
        self._live.start()

    def decided(self, decision: Decided) -> None:
        """It is in the picture."""

    def note(self, words: str) -> None:
        """Keep it in the picture."""
        self._note = f"{clock_time(wall_ms())}  {words}"

    def update(self, scene: Scene) -> None:
        """Redraw."""
        if self._live is not None and scene.status:
            decisions = [one.document for one in scene.decisions]
            latest = next(number for rows, number in LATEST if self._console.height >= rows)
            picture = rollout_view(scene.status, decisions, wall_ms(), latest=latest)
            self._live.update(Group(Padding(traffic_view(scene, self._note), (0, 3, 1, 3)), picture))

    def close(self) -> None:
        """Remove the picture."""
        if self._live is not None:
            self._live.stop()


class PlainScreen:
    """One line per decision, and one a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_at = 0

    def opening(self, scene: Scene, at: Addresses, rps: float) -> None:
        """Print it."""
        self._console.print(opening_view(scene, at, rps))
        self._line(STARTING)

    def decided(self, decision: Decided) -> None:
        """One line."""
        self._line(decision_in_words(decision.document))

    def note(self, words: str) -> None:
        """One line."""
        self._line(f"{clock_time(wall_ms())}  now: {words}")

    def update(self, scene: Scene) -> None:
        """One line a second, once there is something to say."""
        now = wall_ms()
        if scene.status and now >= self._next_at:
            self._next_at = now + SECOND_MS
            self._line(f"{status_in_words(scene.status)}  |  {traffic_in_words(scene)}")

    def close(self) -> None:
        """Nothing is left open."""

    def _line(self, words: str) -> None:
        self._console.print(Text(words), soft_wrap=True)


def _starting() -> RenderableType:
    return Padding(Text(STARTING, style="dim"), (0, 2))


def opening_view(scene: Scene, at: Addresses, rps: float) -> RenderableType:
    """Which scenario this is, and where everything is."""
    scenario = scene.scenario
    cohorts = scene.policy.cohorts
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("scenario", Text(scenario.name, "bold"))
    grid.add_row("", scenario.story)
    grid.add_row("traffic", f"{rps:g} requests a second to {at.shop}")
    grid.add_row("upstreams", f"{cohorts.baseline} {at.baseline}, {cohorts.candidate} {at.candidate}")
    grid.add_row("kafka", f"{at.bootstrap} (embedded, in memory)")
    grid.add_row("metrics", at.metrics)
    grid.add_row("Ctrl-C", "ends it all, and leaves nothing behind")
    return Padding(grid, (1, 2), expand=False)


def traffic_in_words(scene: Scene) -> str:
    """What the router sent where over the last seconds, and how much of it failed."""
    parts = []
    for cohort, flow in scene.flows().items():
        errors = "" if flow.error_rate is None else f", {percent(flow.error_rate)} errors"
        digits = 1 if 0.0 < flow.rps < 10.0 else 0
        parts.append(f"{cohort} {flow.rps:.{digits}f}/s{errors}")
    return "; ".join(parts) or "no traffic yet"


def traffic_view(scene: Scene, note: str) -> RenderableType:
    """The same as a small table, with what was last done to the canary or the telemetry."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row("router", traffic_in_words(scene))
    grid.add_row("fault", Text(note, "bold yellow") if note else Text("none so far", "dim"))
    return grid


def closing_view(scene: Scene, ended: Outcome) -> RenderableType:
    """The timeline, how long the rollback took, and whether the promise was kept."""
    parts: list[RenderableType] = [Text("What was decided, and why", "bold"), Text()]
    parts.append(decisions_view([one.document for one in scene.decisions]))
    took = measured(scene)
    if took is not None:
        parts += [Text(), Text("How fast", "bold"), Text()]
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", style="bold", no_wrap=True)
        grid.add_column()
        grid.add_row("0.00 s", f"the first bad answer of {scene.policy.cohorts.candidate} reached a user")
        grid.add_row(f"{took.decided_s:.2f} s", "the gate decided to roll back")
        grid.add_row(f"{took.zero_s:.2f} s", f"no request goes to {scene.policy.cohorts.candidate} any more")
        parts.append(grid)
    verdict = Text.assemble(("as promised: " if ended.kept else "NOT as promised: ", "bold"), ended.words)
    verdict.stylize("green" if ended.kept else "red")
    parts += [Text(), verdict]
    return Padding(Group(*parts), (1, 2), expand=False)
