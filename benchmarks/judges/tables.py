"""The results as tables, for the terminal and for the marked places of a Markdown page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from benchmarks.judges.summary import Line

TITLES = {
    "healthy at 0.1%": "False rollbacks of a healthy candidate, 0.1% errors, by traffic",
    "healthy at 0.5%": "False rollbacks of a healthy candidate, 0.5% errors, by traffic",
    "worse than 0.1%": "Rollbacks of a worse candidate, baseline at 0.1% errors, by multiple of its rate",
    "worse than 0.5%": "Rollbacks of a worse candidate, baseline at 0.5% errors, by multiple of its rate",
    "late": "Rollbacks of a candidate that turns bad at minute 15 of 30",
    "slower": "Rollbacks of a slower candidate, by multiple of the baseline's latency",
    "down": "Rollbacks of a candidate that is down from minute 10 of 60, by how long",
    "outage": "Rollbacks of a healthy candidate while telemetry is missing, and when the others pass",
    "clustered": "False rollbacks of a healthy candidate, 0.5% errors in clusters, by the variance of their number",
    "together": "False rollbacks of a healthy candidate, 0.5% errors, by what makes them come together",
    "innocent": "False rollbacks of a candidate that changes as the baseline does",
}
"""The title of each experiment's table."""


def rows_of(lines: Sequence[Line], experiment: str) -> list[list[str]]:
    """The table of one experiment, its head first: a row for each judge, a column for each case."""
    known = [line for line in lines if line.experiment == experiment]
    cases = list(dict.fromkeys(line.case for line in known))
    judges = list(dict.fromkeys(line.judge for line in known))
    cells = {(line.judge, line.case): _cell(line) for line in known}
    return [["judge", *map(_heading, cases)], *([judge, *(cells[judge, case] for case in cases)] for judge in judges)]


def _heading(case: str) -> str:
    """A case as the head of a column. The names of cases cannot change: they are part of the seeds and of results.json.

    >>> _heading("both x5 of 0.1%"), _heading("x1.5"), _heading("x4, told")
    ('both 5 times 0.1%', '1.5 times', '4 times, declared')
    """
    words = re.sub(r"\bx([\d.]+)(?: of)?", r"\1 times", case)
    return words.replace("told", "declared").replace("nothing said", "nothing declared")


def _cell(line: Line) -> str:
    return "<br>".join(_parts(line))


def _parts(line: Line) -> Iterator[str]:
    yield f"{line.share:.0%} ({100 * line.low:.0f}–{100 * line.high:.0f})"
    if line.harmful and line.median_s is not None:
        yield f"{_time(line.median_s)} / {_time(line.p95_s)}"
    if line.harmful and line.false:
        yield f"{line.false / line.runs:.0%} too early"
    waiting = line.runs - line.passed - line.false
    if not line.harmful and waiting:
        yield f"{waiting / line.runs:.0%} undecided"
    if line.experiment == "outage" and line.passed:
        yield f"passes at {_time(line.passed_s)}"


def _time(seconds: float | None) -> str:
    """A time with its unit.

    >>> _time(90.0), _time(750.0), _time(None)
    ('90 s', '12.5 min', 'never')
    """
    if seconds is None:
        return "never"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.3g} min"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    return "\n".join(lines)


def plain(rows: Sequence[Sequence[str]]) -> str:
    """A table in columns, for the terminal."""
    shown = [[cell.replace("<br>", ", ") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown
    )


def printed(lines: Sequence[Line]) -> str:
    """All tables for the terminal."""
    tables = ((title, plain(rows_of(lines, experiment))) for experiment, title in TITLES.items())
    return "\n\n".join(f"{title}\n{table}" for title, table in tables)


def into_page(page: str, lines: Sequence[Line]) -> str:
    """A Markdown page with each experiment's table between its marks."""
    for experiment in TITLES:
        page = between_marks(page, experiment, markdown(rows_of(lines, experiment)))
    return page


def between_marks(page: str, name: str, table: str) -> str:
    """The page with a table between the marks `<!-- NAME: begin -->` and `end`, if it has them."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in page:
        return page
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{table}\n{end}{after}"
