"""The flags that every order of an operator has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from streams.cli.configuration import kafka_options
from streams.cli.parameters import operator_name

WAIT_SECONDS = 15.0


def _one_line(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """One line of printable text: it is recorded and shown to others, whatever the shell passed."""
    from streams.views.wording import printable

    text = printable(" ".join(value.split()))
    if not text and parameter.name == "by":
        raise click.BadParameter("write a name", context, parameter)
    return text


def order_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags of every order: the reason, the operator, how long to wait for the answer."""
    for option in reversed(
        (
            click.option(
                "--reason", default="", callback=_one_line, metavar="TEXT", help="Why; recorded with the decision."
            ),
            click.option(
                "--by", default=operator_name, callback=_one_line, show_default="you", metavar="NAME", help="Operator."
            ),
            click.option(
                "--wait/--no-wait", "waits", default=True, help="Wait for the answer to the order (default), or do not."
            ),
            click.option(
                "--timeout",
                type=click.FloatRange(min=0.1),
                default=WAIT_SECONDS,
                metavar="SECONDS",
                help=f"How long to wait  [default: {WAIT_SECONDS:g}]",
            ),
        )
    ):
        command = option(command)
    return kafka_options(command)
