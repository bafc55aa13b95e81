"""Warns about `SLUICEGATE_*` variables that have no effect: a misspelt one would be ignored without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import click

PREFIX = "SLUICEGATE_"

_OF_TESTS = (
    "DOCS_UPDATE",
    "EXAMPLES",
    "FAULT",
    "FAULT_SEEDS",
    "FAULT_TIMES",
    "FUZZ_EXAMPLES",
    "GOLDEN_UPDATE",
    "SEED",
    "TEST_KAFKA",
)
"""Variables that no setting has and that have an effect: on failpoints, on how tests run."""

_WARNED = "streams.cli.unknown_variables"


def warn_of_unknown() -> None:
    """Print a line about each unknown variable on standard error, once a command."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.setdefault(_WARNED, False):
        return
    for line in unknown_variables(os.environ):
        click.echo(f"sluicegate: {line}", err=True)
    if context is not None:
        context.meta[_WARNED] = True


def unknown_variables(variables: Mapping[str, str]) -> Iterator[str]:
    """A line about each variable that no setting has, with the one that was probably meant."""
    from difflib import get_close_matches

    from streams.runtime.settings import Settings

    known = [PREFIX + name.upper() for name in Settings.model_fields]
    ignored = {*known, *(PREFIX + name for name in _OF_TESTS)}
    services = [name.removesuffix("_SERVICE_HOST") for name in variables if name.endswith("_SERVICE_HOST")]
    for name in sorted(variables):
        if not name.upper().startswith(PREFIX) or name.upper() in ignored or _is_of_service(name, services):
            continue
        similar = get_close_matches(name.upper(), known, 1, 0.8)
        guess = f"did you mean {similar[0]}?" if similar else "`sluicegate settings` lists those that have one"
        yield f"the variable {name} has no effect; {guess}"


def _is_of_service(name: str, services: list[str]) -> bool:
    """Whether Kubernetes set it, because a Service is named like this program.

    >>> _is_of_service("SLUICEGATE_PORT_6066_TCP", ["SLUICEGATE"]), _is_of_service("SLUICEGATE_WEB_PRT", ["SLUICEGATE"])
    (True, False)
    """
    return any(name == f"{each}_PORT" or name.startswith((f"{each}_PORT_", f"{each}_SERVICE_")) for each in services)
