"""What came of the rows, as plain JSON values and as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import inf, isfinite
from typing import Self

from benchmarks.evidence.cases import Case
from gates.decisions import Action
from streams.offline.simulation.estimates import Proportion, quantile
from streams.offline.simulation.run import SimulatedRun

COUNTED = {"rolled back": (Action.ROLLBACK,), "advanced": (Action.ADVANCE, Action.PROMOTE)}
TIMED = ("passing", "delays", "thin")
"""Tables in which the row is timed; in the others its share is what matters."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row under the rules of one number: `count` of `runs`, with the exact 95% interval of the share.

    `median_s` and `p95_s` are of all runs, where those not counted never end; None is never.
    """

    table: str
    row: str
    rules: int
    runs: int
    count: int
    low: float
    high: float
    median_s: float | None
    p95_s: float | None

    @classmethod
    def of(cls, case: Case, rules: int, found: Sequence[SimulatedRun]) -> Self:
        """Sum up the runs of a row."""
        actions = COUNTED[case.figure]
        times = [_first_s(run, actions, case.since) for run in found]
        count = sum(isfinite(time) for time in times)
        low, high = Proportion(count, len(times)).exact_interval
        return cls(
            case.table, case.name, rules, len(times), count, low, high, _quantile(times, 0.5), _quantile(times, 0.95)
        )


def _first_s(run: SimulatedRun, actions: Iterable[Action], since: int) -> float:
    return next((taken.at_ms / 1_000 - since for taken in run.actions if taken.action in actions), inf)


def _quantile(times: Sequence[float], q: float) -> float | None:
    found = quantile(times, q)
    return found.value if found is not None and isfinite(found.value) else None


def to_json(lines: Sequence[Line]) -> str:
    """The lines as JSON, one on each line of text."""
    return "[\n" + ",\n".join(json.dumps(asdict(line)) for line in lines) + "\n]\n"


def from_json(text: str) -> list[Line]:
    """The lines that `to_json` wrote."""
    return [Line(**known) for known in json.loads(text)]


def merged(before: Sequence[Line], new: Sequence[Line], cases: Sequence[Case]) -> list[Line]:
    """The lines of all these cases, the new ones in place of those before."""
    known = {(line.table, line.row, line.rules): line for line in (*before, *new)}
    rules = sorted({number for _, _, number in known})
    keys = [(case.table, case.name, number) for case in cases for number in rules]
    return [known[key] for key in keys if key in known]


def rows_of(lines: Sequence[Line], table: str, rules: Sequence[int]) -> list[list[str]]:
    """One table, its head first: a row for each case, a column for each number of rules."""
    known = {(line.row, line.rules): line for line in lines if line.table == table}
    rows = dict.fromkeys(row for row, _ in known)
    cells = [[_cell(known.get((row, number))) for number in rules] for row in rows]
    return [
        ["", *(f"rules {number}" for number in rules)],
        *([row, *cell] for row, cell in zip(rows, cells, strict=True)),
    ]


def _cell(line: Line | None) -> str:
    if line is None:
        return "-"
    share = f"{line.count} of {line.runs}: {line.count / line.runs:.0%} ({100 * line.low:.0f}–{100 * line.high:.0f})"
    return (
        f"{_time(line.median_s)} / {_time(line.p95_s)}, {line.count} of {line.runs}" if line.table in TIMED else share
    )


def _time(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s"
