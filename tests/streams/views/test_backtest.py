"""A backtest as text."""

import click

from streams.views.backtest import backtest_lines, backtest_total
from tests.streams.offline.backtest.journals import compared, limited, recorded


def test_the_first_difference_is_marked_with_its_reason() -> None:
    """Both sides in columns; later traffic has the weights of the recorded end."""
    (comparison,) = compared(recorded(bad=0.5, policy=limited("20%")), limited("5%"))
    lines = [click.unstyle(line) for line in backtest_lines(comparison, ("recorded", "would have been"))]
    marked = next(line for line in lines if line.startswith("  > "))
    assert marked.split("  ")[-1].startswith("rollback at half")
    assert any(line.startswith("        would have been: errors: ") for line in lines)
    assert lines[-1] == "  also rolled back, 1s earlier"
    assert backtest_total([comparison]) == "1 recorded rollout judged: 1 would have been decided differently"
