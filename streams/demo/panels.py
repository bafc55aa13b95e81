"""What the demo prints at its start, while it runs and at its end, made from its state. Pure."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gates.text import clock_time, percent
from streams.demo.addresses import Addresses
from streams.demo.result import DemoResult, RollbackTimes, rollback_times
from streams.demo.state import DemoState
from streams.views.rollout import decisions_table

STARTING = "starting broker, worker, upstreams and router; the worker needs some seconds to join its groups"


def starting_view() -> RenderableType:
    """What is shown until the first status."""
    return Padding(Text(STARTING, style="dim"), (0, 2))


def opening_view(state: DemoState, at: Addresses, rps: float) -> RenderableType:
    """The scenario, and the address of everything."""
    scenario = state.scenario
    cohorts = state.policy.cohorts
    grid = _grid()
    grid.add_row("scenario", Text(scenario.name, "bold"))
    grid.add_row("", scenario.story)
    grid.add_row("traffic", f"{rps:g} requests per second to {at.shop}")
    grid.add_row("upstreams", f"{cohorts.baseline} {at.baseline}, {cohorts.candidate} {at.candidate}")
    grid.add_row("kafka", f"{at.bootstrap} (embedded, in memory)")
    grid.add_row("metrics", at.metrics)
    grid.add_row("Ctrl-C", "stops every process of the demo")
    return Padding(grid, (1, 2), expand=False)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def traffic_text(state: DemoState) -> str:
    """The requests per second that each cohort got over the last seconds, and the share that failed."""
    parts = []
    for cohort, rate in state.rates().items():
        errors = "" if rate.error_rate is None else f", {percent(rate.error_rate)} errors"
        digits = 1 if 0.0 < rate.rps < 10.0 else 0
        parts.append(f"{cohort} {rate.rps:.{digits}f}/s{errors}")
    return "; ".join(parts) or "no traffic yet"


def traffic_view(state: DemoState) -> RenderableType:
    """The same as a small table, with the demo's last change to the canary or the telemetry."""
    grid = _grid()
    grid.add_row("router", traffic_text(state))
    if state.notes:
        at, text = state.notes[-1]
        grid.add_row("fault", Text(f"{clock_time(at)}  {text}", "bold yellow"))
    else:
        grid.add_row("fault", Text("none so far", "dim"))
    return grid


def closing_view(state: DemoState, result: DemoResult) -> RenderableType:
    """The decisions, how long the rollback took, and whether the demo ended as expected."""
    parts: list[RenderableType] = [Text("Decisions and reasons", "bold"), Text()]
    parts.append(decisions_table([one.document for one in state.decisions]))
    times = rollback_times(state)
    if times is not None:
        parts += [Text(), Text("Time since the fault reached a user", "bold"), Text()]
        parts.append(_rollback_table(times, state.policy.cohorts.candidate))
    verdict = Text.assemble(("as expected: " if result.as_expected else "NOT as expected: ", "bold"), result.text)
    verdict.stylize("green" if result.as_expected else "red")
    parts += [Text(), verdict]
    return Padding(Group(*parts), (1, 2), expand=False)


def _rollback_table(times: RollbackTimes, candidate: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold", no_wrap=True)
    grid.add_column()
    grid.add_row("0.00 s", f"the first bad answer of {candidate} reached a user")
    grid.add_row(f"{times.decided_s:.2f} s", "the gate decided to roll back")
    grid.add_row(f"{times.zero_s:.2f} s", f"the last request went to {candidate}")
    return grid
