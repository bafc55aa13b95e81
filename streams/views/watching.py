"""Watching one rollout: a live picture on a terminal, a line per change elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from streams.clock import wall_ms
from streams.operator_client.status_view import StatusView, has_ended, was_promoted
from streams.views.rollout import rollout_view
from streams.views.timeline import decision_in_words, printable, status_in_words

ROLLED_BACK = 3
"""The exit code when the rollout was rolled back."""

POLL_S = 0.5
LAST_WORD_S = 2.0
EARLIER = 5


async def watch_plainly(board: StatusView, rollout: str) -> int:
    """Print a line per decision and per change of the status until the rollout ends; gives the exit code."""
    changes = _Changes(board, rollout)
    while True:
        ended = await _ended(board, rollout)
        for line in changes.lines():
            click.echo(line)
        if ended:
            return _exit_code(board, rollout)
        await board.poll(POLL_S)


async def watch_live(board: StatusView, rollout: str) -> int:
    """Keep a picture up to date until the rollout ends; gives the exit code."""
    from rich.live import Live

    with Live(auto_refresh=False) as live:
        while True:
            ended = await _ended(board, rollout)
            view = rollout_view(board.status(rollout), board.decisions(rollout), None if ended else wall_ms())
            live.update(view, refresh=True)
            if ended:
                return _exit_code(board, rollout)
            await board.poll(POLL_S)


async def _ended(board: StatusView, rollout: str) -> bool:
    """Whether it ended; if so its last decision, which comes by another topic, is here (or was waited for)."""
    if not has_ended(board.status(rollout)):
        return False

    def last_word() -> bool | None:
        last = board.status(rollout)["decision"]
        return any(decision["id"] == last for decision in board.decisions(rollout)) or None

    await board.wait_for(last_word, LAST_WORD_S)
    return has_ended(board.status(rollout))


def _exit_code(board: StatusView, rollout: str) -> int:
    return 0 if was_promoted(board.status(rollout)) else ROLLED_BACK


class _Changes:
    """What is new since the last time, as lines."""

    def __init__(self, board: StatusView, rollout: str) -> None:
        self._board = board
        self._rollout = rollout
        self._told = {decision["id"] for decision in board.decisions(rollout)[:-EARLIER]}
        self._shown: object = None

    def lines(self) -> Iterator[str]:
        for decision in self._board.decisions(self._rollout):
            if decision["id"] not in self._told:
                self._told.add(decision["id"])
                yield decision_in_words(decision)
        status = self._board.status(self._rollout)
        if (found := _gist(status)) != self._shown:
            self._shown = found
            yield status_in_words(status)
            if undecided := _undecided(status):
                yield undecided


def _gist(status: Mapping[str, Any]) -> tuple[object, ...]:
    """What of a status is worth a line when it changes."""
    verdicts = tuple((check["name"], check["verdict"]) for check in status["checks"])
    words = ("epoch", "phase", "stage_index", "confirmed")
    return (*(status[word] for word in words), tuple(status["weights"].items()), verdicts, _undecided(status))


def _undecided(status: Mapping[str, Any]) -> str:
    """Why the rollout stands as it does, where no decision says it: the gate cannot decide any more."""
    return printable(status["reason"]) if status["decision"] is None else ""
