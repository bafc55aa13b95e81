"""`sluicegate settings`: every variable, its value, its default, its description."""

from __future__ import annotations

import click

from streams.cli.configuration import settings_from
from streams.cli.output import print_view


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, keyed by variable.")
def settings(as_json: bool) -> None:
    """List every SLUICEGATE_* variable with its value, its default and its description."""
    import json

    from streams.runtime.settings import Settings
    from streams.views.settings import setting_rows, settings_table

    rows = setting_rows(settings_from(Settings, {}))
    if as_json:
        by_variable = {row["variable"]: {k: v for k, v in row.items() if k != "variable"} for row in rows}
        click.echo(json.dumps(by_variable, indent=2))
        return
    print_view(settings_table(rows))
    click.echo(f"{sum(row['set'] for row in rows)} of {len(rows)} are set in the environment", err=True)
