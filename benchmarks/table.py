"""The results as tables, for the terminal and for the marked places of a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.measure import Row

Cells = list[list[str]]


def tables(rows: Sequence[Row], part: str) -> list[Cells]:
    """The tables of a part, one for each unit: the head first, a line for each subject, a column for each case.

    >>> row = Row("ingest", "Faust", "4 partitions", "events/s", (1300.0, 1200.0, 1400.0))
    >>> tables([row], "ingest")
    [[['events/s', '4 partitions'], ['Faust', '1,300 (1,200–1,400)']]]
    """
    known = [row for row in rows if row.part == part]
    return [_table([row for row in known if row.unit == unit]) for unit in dict.fromkeys(row.unit for row in known)]


def _table(rows: Sequence[Row]) -> Cells:
    cases = list(dict.fromkeys(row.case for row in rows))
    subjects = list(dict.fromkeys(row.what for row in rows))
    cells = {(row.what, row.case): _cell(row) for row in rows}
    lines = ([subject, *(cells.get((subject, case), "") for case in cases)] for subject in subjects)
    return [[rows[0].unit, *cases], *lines]


def _cell(row: Row) -> str:
    if len(row.values) == 1:
        return number(row.median)
    return f"{number(row.median)} ({number(row.low)}–{number(row.high)})"


def number(value: float) -> str:
    """A number with at least three digits.

    >>> number(123456.7), number(12.345), number(0.0123456)
    ('123,457', '12.3', '0.0123')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def plain(cells: Cells) -> str:
    """A table in columns, for the terminal."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
    return "\n".join(line.rstrip() for line in lines)


def markdown(cells: Cells) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(line) + " |" for line in cells]
    lines.insert(1, "|---" * len(cells[0]) + "|")
    return "\n".join(lines)


def into_page(page: str, name: str, text: str) -> str:
    r"""The page with this text between the marks of this name, if it has them.

    >>> into_page("a <!-- x: begin -->old<!-- x: end --> z", "x", "new")
    'a <!-- x: begin -->\nnew\n<!-- x: end --> z'
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in page:
        return page
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{text}\n{end}{after}"
