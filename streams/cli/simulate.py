"""`sluicegate simulate`: how a policy performs on simulated traffic, before real traffic is at risk."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gates.rules import CURRENT, RULES
from streams.cli.failures import WRONG_USE, Failure, unreadable, unwritable
from streams.cli.output import print_json, print_view
from streams.cli.parameters import DurationParameter, RateParameter
from streams.cli.policy_file import load_policy
from streams.cli.progress import counting_bar

if TYPE_CHECKING:
    from gates.policy import Policy
    from streams.offline.simulation.run import SimulatedRun
    from streams.offline.simulation.scenario import Scenario

WIDTH = 180
"""Columns of the table if the output is not a terminal."""


def _list(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value:
        return
    from streams.views.simulation import scenario_lines

    click.echo("\n".join(scenario_lines()))
    context.exit()


@click.command()
@click.option("--policy", "policy_file", metavar="FILE", required=True, help="The policy; - is standard input.")
@click.option(
    "--scenario", "named", metavar="NAME|FILE", required=True, multiple=True, help="What happens. Repeatable."
)
@click.option("--runs", type=click.IntRange(min=1), default=100, show_default=True, help="Rollouts per scenario.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Number of processes.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random draws.")
@click.option("--rps", type=RateParameter(0.001, 1e7), help="Requests per second, instead of the scenario's.")
@click.option("--duration", type=DurationParameter(), help="Duration, instead of the scenario's.")
@click.option(
    "--rules",
    type=click.IntRange(min(RULES), max(RULES)),
    default=CURRENT,
    show_default=True,
    help="The rules of judging: those of an epoch that an earlier release began, for a comparison.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the figures as one JSON document; times in seconds, null: never."
)
@click.option("--html", "html_file", metavar="FILE", help="Also write a report with plots; needs sluicegate[report].")
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
    rules: int,
    as_json: bool,
    html_file: str | None,
) -> None:
    """Roll out with a policy in simulation, many times, and count how often the gate was wrong.

    The gate is the worker's; requests, errors and latencies are random draws, and every decision is carried out at
    once. Per scenario: how often a fine candidate was rolled back, how often a bad one got more traffic, how often a
    bad one was rolled back, and after how long; each with its 95% confidence interval. The same seed gives the same
    figures, whatever --jobs is.

    Exits with 0 whatever the figures are, 1 if the policy has a fault, 2 if a scenario or file cannot be read.
    """
    from streams.offline.simulation.summary import summarise
    from streams.views.simulation import HEADING, figure_rows, figures_table

    if html_file:
        _require_plotly()
    policy = load_policy(policy_file)
    scenarios = {name: _scenario(name, rps, duration) for name in named}
    found = _simulated(policy, scenarios, runs, jobs, seed, rules)
    summaries = {name: summarise(each) for name, each in found.items()}
    rows = figure_rows(summaries)
    if as_json:
        documents = {name: summary.document() for name, summary in summaries.items()}
        print_json({"rollout": policy.rollout, "policy_hash": policy.hash, "seed": seed, "scenarios": documents})
    else:
        print_view(figures_table(rows), width=None if sys.stdout.isatty() else WIDTH)
    if html_file:
        from streams.offline.simulation.report import report

        _write(html_file, report(policy, scenarios, found, HEADING, rows))


def _require_plotly() -> None:
    if find_spec("plotly") is None:
        raise Failure("--html needs plotly: pip install 'sluicegate[report]'", WRONG_USE)


def _scenario(name: str, rps: float | None, duration_ms: int | None) -> Scenario:
    """The scenario with this name, or in the file with this name; options override its rate and duration."""
    from streams.offline.simulation.named import SCENARIOS

    scenario = SCENARIOS[name] if name in SCENARIOS else _read(name)
    overrides = {"rps": rps, "duration_ms": duration_ms}
    return scenario.model_copy(update={field: value for field, value in overrides.items() if value is not None})


def _read(file: str) -> Scenario:
    import yaml

    from streams.offline.simulation.scenario import Scenario

    try:
        return Scenario.parse(yaml.safe_load(Path(file).read_bytes()))
    except FileNotFoundError:
        raise Failure(f"{file}: neither a named scenario (see --list) nor a file", WRONG_USE) from None
    except OSError as error:
        raise unreadable(file, error) from None
    except yaml.YAMLError as error:
        raise Failure(f"{file}: is not YAML: {' '.join(str(error).split())}", WRONG_USE) from None
    except RecursionError:
        raise Failure(f"{file}: is nested too deep", WRONG_USE) from None
    except ValueError as error:
        lines = "\n".join(f"{file}: {fault}" for fault in str(error).splitlines())
        raise Failure(lines, WRONG_USE) from None


def _simulated(
    policy: Policy, scenarios: Mapping[str, Scenario], runs: int, jobs: int, seed: int, rules: int
) -> dict[str, tuple[SimulatedRun, ...]]:
    from streams.offline.simulation.engine import simulate as simulate_scenario

    with counting_bar("simulating", runs * len(scenarios)) as done:
        return {
            name: simulate_scenario(policy, scenario, runs, jobs, seed, done, rules)
            for name, scenario in scenarios.items()
        }


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(file, error) from None
