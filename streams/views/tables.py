"""The plain table that views and commands use: no lines, a dim heading."""

from __future__ import annotations

from rich.table import Table


def plain_table(*columns: str) -> Table:
    """A table with these columns, whose long cells are folded, never cut."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def add_wide_column(table: Table, name: str) -> None:
    """Add a column that takes the width that is left."""
    table.add_column(name, ratio=1, overflow="fold")
