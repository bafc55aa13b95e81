"""The loop of `sluicegate rollout watch`: a live view on a terminal, a line per change elsewhere."""

from __future__ import annotations

import click

from streams.cli.confirming import WatchedEnd
from streams.clock import wall_ms
from streams.operator_client.status_view import StatusView, has_ended
from streams.views.rollout import rollout_view
from streams.views.timeline import Timeline

POLL_S = 0.5
LAST_DECISION_S = 2.0
"""How long to wait, once a status has ended, for the decision that ended it, which is on another topic."""


async def watch_lines(view: StatusView, rollout: str, end: WatchedEnd) -> int:
    """Print a line per decision and per change of the status until the end is confirmed; returns the exit code."""
    timeline = Timeline(view.decisions(rollout))
    while True:
        ended = await _ended(view, rollout)
        for line in timeline.new_lines(view.status(rollout), view.decisions(rollout)):
            click.echo(line)
        if (code := _exit_code(view, rollout, end, ended=ended)) is not None:
            return code
        await view.poll(POLL_S)


async def watch_live(view: StatusView, rollout: str, end: WatchedEnd) -> int:
    """Redraw a live view until the end is confirmed; returns the exit code."""
    from rich.live import Live

    with Live(auto_refresh=False) as live:
        while True:
            ended = await _ended(view, rollout)
            code = _exit_code(view, rollout, end, ended=ended)
            now = None if ended else wall_ms()
            live.update(rollout_view(view.status(rollout), view.decisions(rollout), now), refresh=True)
            if code is not None:
                return code
            await view.poll(POLL_S)


async def _ended(view: StatusView, rollout: str) -> bool:
    """Whether the rollout has ended, after waiting for its last decision."""
    if not has_ended(view.status(rollout)):
        return False

    def last_decision() -> bool | None:
        last = view.status(rollout)["decision"]
        return any(decision["id"] == last for decision in view.decisions(rollout)) or None

    await view.wait_for(last_decision, LAST_DECISION_S)
    return has_ended(view.status(rollout))  # asked again, because a new start may have arrived meanwhile


def _exit_code(view: StatusView, rollout: str, end: WatchedEnd, *, ended: bool) -> int | None:
    return end.exit_code(view.status(rollout), wall_ms()) if ended else None
