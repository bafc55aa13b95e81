"""What commands print."""

import json

import pytest

from streams.cli.output import print_json, print_lines, print_view
from streams.views.tables import plain_table


def test_a_document_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """So that a reader can split the output at line ends."""
    print_json({"reason": "a\nb", "n": 1})
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    assert json.loads(output) == {"reason": "a\nb", "n": 1}


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Each ends with a line end."""
    print_lines(["a", "b"])
    assert capsys.readouterr().out == "a\nb\n"


def test_a_view_has_the_width_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    """A table that is too wide is folded."""
    table = plain_table("name")
    table.add_row("x" * 30)
    print_view(table, width=10)
    assert [len(line.rstrip()) for line in capsys.readouterr().out.splitlines()] == [4, 10, 10, 10]
