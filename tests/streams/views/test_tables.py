"""The plain table."""

import io

from rich.console import Console

from streams.views.tables import add_wide_column, plain_table


def test_long_cells_are_folded() -> None:
    """Nothing is cut: an id that was cut could not be copied."""
    table = plain_table("id", "reason")
    add_wide_column(table, "detail")
    table.add_row("a" * 30, "b" * 30, "c" * 30)
    out = io.StringIO()
    Console(file=out, width=40).print(table)
    text = out.getvalue()
    assert [text.count(letter) for letter in "abc"][:2] == [30 + text.split("\n")[0].count("a"), 30]
    assert text.count("c") == 30
    assert max(map(len, text.splitlines())) <= 40
