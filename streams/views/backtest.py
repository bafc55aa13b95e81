"""A backtest in plain words: both timelines side by side, the first difference marked, the reasons below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from gates.decisions import Decision
from streams.cli.why import utc
from streams.offline.backtest.comparison import Comparison, Row
from streams.views.timeline import decision_in_words, printable, weights_in_words

Sides = tuple[str, str]
_TIME_WIDTH = len("2026-01-01 00:00:00Z")


def lines(comparison: Comparison, sides: Sides) -> Iterator[str]:
    """One recorded rollout: a heading, a line per moment at which something was decided, a summary.

    `sides` are what to call the two.
    """
    yield f"{printable(comparison.rollout)}, {printable(comparison.where)}"
    if comparison.recorded is None:
        yield from (f"  {decision_in_words(each.document())}" for each in comparison.instead)
    else:
        yield from _both(comparison, sides)
    yield f"  {comparison.summary}"


def _both(comparison: Comparison, sides: Sides) -> Iterator[str]:
    width = max([len(sides[0]), *(len(_cell(row.recorded)) for row in comparison.rows)])
    yield f"    {'':<{_TIME_WIDTH}}  {sides[0]:<{width}}  {sides[1]}"
    ended = False
    for index, row in enumerate(comparison.rows):
        if not ended and comparison.ended_at is not None and row.event_time > comparison.ended_at:
            ended = True
            yield "    (the recorded rollout has ended: from here on the traffic has the weights of its end)"
        yield from _row(row, sides, width, first=index == comparison.divergence)


def _row(row: Row, sides: Sides, width: int, *, first: bool) -> Iterator[str]:
    instead = "the same" if row.same else _cell(row.instead)
    text = f"{utc(row.event_time):<{_TIME_WIDTH}}  {_cell(row.recorded):<{width}}  {instead}"
    yield click.style(f"  > {text}", bold=True) if first else f"    {text}"
    if not row.same:
        for side, decision in zip(sides, (row.recorded, row.instead), strict=True):
            if decision is not None:
                yield f"        {side}: {printable(decision.reason)}"


def _cell(decision: Decision | None) -> str:
    if decision is None:
        return "-"
    return printable(f"{decision.action} at {decision.stage} ({weights_in_words(decision.weights)})")


def total(found: Sequence[Comparison]) -> str:
    """All of them in a line."""
    compared = [each for each in found if each.recorded is not None]
    differ = sum(each.divergence is not None for each in compared)
    judged = f"{len(found)} recorded rollout{'' if len(found) == 1 else 's'} judged"
    return f"{judged}: {differ} would have gone differently" if compared else judged
