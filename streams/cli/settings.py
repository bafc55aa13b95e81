"""`sluicegate settings`: every variable, what it is, and where its value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streams.cli.running import settings_from

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from streams.runtime.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, keyed by variable.")
def settings(as_json: bool) -> None:
    """List every SLUICEGATE_* variable with its value, its default and what it is for."""
    from streams.runtime.settings import Settings

    rows = described(settings_from(Settings, {}))
    if as_json:
        import json

        click.echo(json.dumps({row.pop("variable"): row for row in rows}, indent=2))
    else:
        _print(rows)


def described(values: Settings) -> list[dict[str, Any]]:
    """Each setting: variable, value, default, whether it was set, description; in the order of the class."""
    plain = values.model_dump(mode="json")
    return [
        {
            "variable": f"SLUICEGATE_{name.upper()}",
            "value": plain[name],
            "default": _default(field),
            "set": name in values.model_fields_set,
            "description": field.description or "",
        }
        for name, field in type(values).model_fields.items()
    ]


def _default(field: FieldInfo) -> Any:
    """The default; None where it is worked out anew in each process."""
    from pydantic import SecretStr

    if field.default_factory is not None:
        return None
    if isinstance(field.default, SecretStr):
        return field.default.get_secret_value()  # the default is no secret
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("variable", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("what it is", ratio=1)
    for row in rows:
        name, value = Text(row["variable"]), Text(_shown(row["value"]))
        if row["set"]:
            name.stylize("bold green")
            value.stylize("bold green")
            value.append(f"\nelse {'another' if row['default'] is None else _shown(row['default'])}", "dim")
        table.add_row(name, value, Text(row["description"]))
    Console().print(table)
    set_ones = sum(row["set"] for row in rows)
    click.echo(f"{set_ones} of {len(rows)} are set in the environment", err=True)


def _shown(value: Any) -> str:
    import json

    return value if isinstance(value, str) and value else json.dumps(value)
