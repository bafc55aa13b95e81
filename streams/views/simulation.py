"""The figures of simulated rollouts in words, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from math import isinf

from gates.documents.quantities import format_duration
from gates.text import percent
from streams.offline.simulation.estimates import Proportion, Quantile
from streams.offline.simulation.summary import Summary

HEADING = (
    "scenario",
    "false rollbacks",
    "false advances",
    "rolled back",
    "after (median)",
    "after (95 of 100)",
    "ended",
)
"""The columns; a rollback is false while the candidate is fine, an advance when it is bad."""


def rows(summaries: Mapping[str, Summary]) -> list[tuple[str, ...]]:
    """One row per scenario, a cell per word of `HEADING`; in brackets the 95 % confidence interval."""
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
    return f"{percent(known.share)} ({percent(low).removesuffix('%')} to {percent(high)})"


def _time(known: Quantile | None) -> str:
    if known is None:
        return "-"
    if known.interval is None:
        return _words(known.value)
    low, high = map(_words, known.interval)
    return _words(known.value) if low == high else f"{_words(known.value)} ({low} to {high})"


def _words(ms: float) -> str:
    return "never" if isinf(ms) else format_duration(round(ms))
