"""Watching a rollout that has ended: every decision is printed; the exit code is the result once it is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from connectors.kafka.clients import KafkaSettings
from streams.cli.confirming import WatchedEnd
from streams.cli.failures import ROLLED_BACK, UNCONFIRMED
from streams.cli.watching import watch_lines, watch_live
from streams.operator_client.status_view import StatusView
from tests.streams.operator_client.records import record
from tests.streams.views import stories

Document = Mapping[str, Any]


def viewed(status: Document, decisions: list[Document]) -> StatusView:
    """Return a view of a rollout with these documents; nothing more arrives."""
    view = StatusView(KafkaSettings())
    for document in (*decisions, status):
        view.add(record(orjson.dumps(document)))
    return view


def promoted(story: tuple[Document, list[Document]]) -> tuple[Document, list[Document]]:
    """Return the story as if the end were a promotion."""
    status, decisions = story
    return {**status, "phase": "promoted"}, decisions


@pytest.mark.parametrize(
    ("story", "code"),
    [
        (stories.confirmed(), ROLLED_BACK),
        (promoted(stories.confirmed()), 0),
        (stories.given_up(), UNCONFIRMED),
        (promoted(stories.given_up()), UNCONFIRMED),
    ],
)
async def test_the_exit_code_is_the_result(
    story: tuple[Document, list[Document]], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """As lines and as a live view; an end that no actuator confirmed is neither a promotion nor a rollback."""
    assert await watch_lines(viewed(*story), stories.ROLLOUT, WatchedEnd()) == code
    assert "rollback" in capsys.readouterr().out
    assert await watch_live(viewed(*story), stories.ROLLOUT, WatchedEnd()) == code


async def test_watching_goes_on_until_the_confirmation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision ends nothing: the line of the confirmation is the last one."""
    view = viewed(*stories.failed())

    async def confirmation(_: float) -> bool:
        view.add(record(orjson.dumps(stories.confirmed()[0])))
        return True

    monkeypatch.setattr(view, "poll", confirmation)
    assert await watch_lines(view, stories.ROLLOUT, WatchedEnd(60.0)) == ROLLED_BACK
    lines = capsys.readouterr().out.splitlines()
    assert "stable 100%, canary 0% (not confirmed, try 2 of 3: haproxy-eu failed: " in lines[-2]
    assert "stable 100%, canary 0% (confirmed by haproxy-eu, haproxy-us)" in lines[-1]
