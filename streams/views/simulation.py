"""The figures of simulated rollouts, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isinf

from rich.table import Table
from rich.text import Text

from gates.documents.quantities import format_duration
from gates.text import percent
from streams.offline.simulation.estimates import Proportion, Quantile
from streams.offline.simulation.named import DESCRIPTIONS, SCENARIOS
from streams.offline.simulation.summary import SimulationSummary
from streams.views.tables import plain_table

HEADING = (
    "scenario",
    "false rollbacks",
    "false advances",
    "rolled back",
    "after (median)",
    "after (95 of 100)",
    "ended",
)
"""The columns; a rollback is false while the candidate is fine, an advance while it is bad."""


def figure_rows(summaries: Mapping[str, SimulationSummary]) -> list[tuple[str, ...]]:
    """One row per scenario, a cell per column of `HEADING`; the 95% confidence interval in brackets."""
    return [
        (
            name,
            _share(each.false_rollbacks),
            _share(each.false_advances),
            _share(each.detected),
            _time(each.median_ms),
            _time(each.p95_ms),
            ", ".join(f"{count} {end.replace('_', ' ')}" for end, count in each.ends.items()),
        )
        for name, each in summaries.items()
    ]


def _share(known: Proportion | None) -> str:
    if known is None:
        return "-"
    low, high = known.interval
    return f"{percent(known.share)} ({percent(low)} to {percent(high)})"


def _time(known: Quantile | None) -> str:
    if known is None:
        return "-"
    if known.interval is None:
        return _duration(known.value)
    low, high = map(_duration, known.interval)
    return _duration(known.value) if low == high else f"{_duration(known.value)} ({low} to {high})"


def _duration(ms: float) -> str:
    return "never" if isinf(ms) else format_duration(round(ms))


def figures_table(rows: Sequence[Sequence[str]]) -> Table:
    """The rows below `HEADING`."""
    table = plain_table()
    for name in HEADING:
        table.add_column(name)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def scenario_lines() -> list[str]:
    """Each named scenario: whether its candidate is fine, and what happens."""
    return [f"{name:20}{'bad ' if SCENARIOS[name].harmful else 'fine'}  {text}" for name, text in DESCRIPTIONS.items()]
