"""`sluicegate policy`: help with writing policies."""

from __future__ import annotations

import json

import click


@click.group()
def policy() -> None:
    """Help with writing policies."""


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors; `sluicegate validate` checks more rules than a schema can."""
    from gates.policy import Policy

    click.echo(json.dumps(Policy.json_schema(), indent=2))
