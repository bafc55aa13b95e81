"""A backtest as text: both sides, the first difference marked, the reasons below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from gates.decisions import Decision
from streams.offline.backtest.comparison import BacktestComparison, DecisionPair
from streams.views.timeline import decision_line
from streams.views.wording import counted, printable, utc, weights_text

Sides = tuple[str, str]
"""What to call the recorded and the counterfactual side."""

_TIME_WIDTH = len("2026-01-01 00:00:00Z")


def backtest_lines(comparison: BacktestComparison, sides: Sides) -> Iterator[str]:
    """One recorded rollout: a heading, a line per time at which something was decided, a summary."""
    yield f"{printable(comparison.rollout)}, {printable(comparison.source)}"
    if comparison.recorded is None:
        yield from (f"  {decision_line(each.document())}" for each in comparison.instead)
    else:
        yield from _both_sides(comparison, sides)
    yield f"  {comparison.summary}"


def _both_sides(comparison: BacktestComparison, sides: Sides) -> Iterator[str]:
    width = max([len(sides[0]), *(len(_cell(pair.recorded)) for pair in comparison.pairs)])
    yield f"    {'':<{_TIME_WIDTH}}  {sides[0]:<{width}}  {sides[1]}"
    ended = False
    for index, pair in enumerate(comparison.pairs):
        if not ended and comparison.ended_at is not None and pair.event_time > comparison.ended_at:
            ended = True
            yield "    (the recorded rollout has ended here; later traffic keeps its last weights)"
        yield from _pair_lines(pair, sides, width, first=index == comparison.divergence)


def _pair_lines(pair: DecisionPair, sides: Sides, width: int, *, first: bool) -> Iterator[str]:
    instead = "the same" if pair.same else _cell(pair.instead)
    text = f"{utc(pair.event_time):<{_TIME_WIDTH}}  {_cell(pair.recorded):<{width}}  {instead}"
    yield click.style(f"  > {text}", bold=True) if first else f"    {text}"
    if not pair.same:
        for side, decision in zip(sides, (pair.recorded, pair.instead), strict=True):
            if decision is not None:
                yield f"        {side}: {printable(decision.reason)}"


def _cell(decision: Decision | None) -> str:
    if decision is None:
        return "-"
    return printable(f"{decision.action} at {decision.stage} ({weights_text(decision.weights)})")


def backtest_total(comparisons: Sequence[BacktestComparison]) -> str:
    """All comparisons in one line."""
    compared = [each for each in comparisons if each.recorded is not None]
    different = sum(each.divergence is not None for each in compared)
    judged = f"{counted(len(comparisons), 'recorded rollout')} judged"
    return f"{judged}: {different} would have been decided differently" if compared else judged
