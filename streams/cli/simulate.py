"""`sluicegate simulate`: how a policy fares against simulated traffic, before any real traffic is risked."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.rates import Rate
from streams.cli.replay import Duration
from streams.cli.running import WRONG_USE, Failure, load_policy, print_json

if TYPE_CHECKING:
    from gates.policy import Policy
    from streams.offline.simulation.run import Run
    from streams.offline.simulation.scenario import Scenario

WIDTH = 180
"""Columns of the table where the output is no terminal."""


def _list(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value:
        return
    from streams.offline.simulation.named import SCENARIOS, STORIES

    for name, words in STORIES.items():
        click.echo(f"{name:18}{'bad ' if SCENARIOS[name].harmful else 'fine'}  {words}")
    context.exit()


@click.command()
@click.option("--policy", "policy_file", metavar="FILE", required=True, help="The policy; - is standard input.")
@click.option(
    "--scenario", "named", metavar="NAME|FILE", required=True, multiple=True, help="What happens; any number of times."
)
@click.option("--runs", type=click.IntRange(min=1), default=100, show_default=True, help="Rollouts per scenario.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes to run them on.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other chances.")
@click.option("--rps", type=Rate(0.001, 1e7), help="Requests a second, instead of the scenario's.")
@click.option("--duration", type=Duration(), help="How long to watch, instead of the scenario's duration.")
@click.option(
    "--json", "as_json", is_flag=True, help="The figures as one JSON document; times in seconds, null: never."
)
@click.option("--html", "html_file", metavar="FILE", help="Write a report with plots, too; needs sluicegate[report].")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the named scenarios."
)
def simulate(
    policy_file: str,
    named: tuple[str, ...],
    runs: int,
    jobs: int,
    seed: int,
    rps: float | None,
    duration: int | None,
    as_json: bool,
    html_file: str | None,
) -> None:
    """Roll out by a policy in simulation, many times, and count how often the gate was wrong.

    The gate is the worker's; requests, errors and latencies are drawn by chance, and every decision is obeyed at once.
    Per scenario: how often a candidate that was fine was rolled back, how often one that was bad got more traffic, how
    often it was rolled back, and after how long; each with its 95 % confidence interval. The same seed gives the same
    figures, whatever --jobs.

    Exits with 0 whatever the figures, 1 if the policy has a fault, 2 if a scenario or file cannot be read.
    """
    from streams.offline.simulation.summary import summarise
    from streams.views.simulation import HEADING, rows

    if html_file:
        _require_plotly()
    policy = load_policy(policy_file)
    scenarios = {name: _scenario(name, rps, duration) for name in named}
    found = _simulated(policy, scenarios, runs, jobs, seed)
    summaries = {name: summarise(each) for name, each in found.items()}
    if as_json:
        documents = {name: summary.document() for name, summary in summaries.items()}
        print_json({"rollout": policy.rollout, "policy_hash": policy.hash, "seed": seed, "scenarios": documents})
    else:
        _print(HEADING, rows(summaries))
    if html_file:
        from streams.offline.simulation.report import report

        _write(html_file, report(policy, scenarios, found, HEADING, rows(summaries)))


def _require_plotly() -> None:
    if find_spec("plotly") is None:
        raise Failure("--html needs plotly: pip install 'sluicegate[report]'", WRONG_USE)


def _scenario(name: str, rps: float | None, duration_ms: int | None) -> Scenario:
    """The scenario of this name, or in the file of this name, with these instead of its own where given."""
    from streams.offline.simulation.named import SCENARIOS

    scenario = SCENARIOS[name] if name in SCENARIOS else _read(name)
    return replace(
        scenario,
        rps=scenario.rps if rps is None else rps,
        duration_ms=scenario.duration_ms if duration_ms is None else duration_ms,
    )


def _read(file: str) -> Scenario:
    import yaml

    from streams.offline.simulation.scenario import Scenario

    try:
        return Scenario.parse(yaml.safe_load(Path(file).read_bytes()))
    except FileNotFoundError:
        raise Failure(f"{file}: no scenario has this name (see --list), and no file either", WRONG_USE) from None
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror or error}", WRONG_USE) from None
    except yaml.YAMLError as error:
        raise Failure(f"{file}: is not YAML: {' '.join(str(error).split())}", WRONG_USE) from None
    except RecursionError:
        raise Failure(f"{file}: is nested too deep", WRONG_USE) from None
    except ValueError as error:
        raise Failure(f"{file}: {error}", WRONG_USE) from None


def _simulated(
    policy: Policy, scenarios: Mapping[str, Scenario], runs: int, jobs: int, seed: int
) -> dict[str, tuple[Run, ...]]:
    from streams.offline.simulation.engine import simulate as simulated

    with _bar(runs * len(scenarios)) as done:
        return {name: simulated(policy, scenario, runs, jobs, seed, done) for name, scenario in scenarios.items()}


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """What to call after each run, so that a bar on standard error shows how many of them are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not sys.stderr.isatty(),
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def _print(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in heading:
        table.add_column(name)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file}: cannot be written: {error.strerror or error}", WRONG_USE) from None
