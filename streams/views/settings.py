"""The settings of a worker: each variable with its value, its default and its description."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypedDict

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from rich.table import Table
from rich.text import Text

from streams.runtime.settings import Settings
from streams.views.tables import plain_table


class SettingRow(TypedDict):
    """One setting; `set` is whether the environment sets it."""

    variable: str
    value: Any
    default: Any
    set: bool
    description: str


def setting_rows(values: Settings) -> list[SettingRow]:
    """Every setting, in the order of the class; secrets are masked."""
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
    """The default; None if each process computes its own."""
    if field.default_factory is not None:
        return None
    if isinstance(field.default, SecretStr):
        return field.default.get_secret_value()  # the default of a secret is empty, and so is no secret
    return list(field.default) if isinstance(field.default, tuple) else field.default


def settings_table(rows: Sequence[SettingRow]) -> Table:
    """A row per setting; those that the environment sets stand out and show the default as well."""
    table = plain_table()
    table.add_column("variable", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("description", ratio=1)
    for row in rows:
        name, value = Text(row["variable"]), Text(_value_text(row["value"]))
        if row["set"]:
            name.stylize("bold green")
            value.stylize("bold green")
            default = "differs per process" if row["default"] is None else _value_text(row["default"])
            value.append(f"\ndefault: {default}", "dim")
        table.add_row(name, value, Text(row["description"]))
    return table


def _value_text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
