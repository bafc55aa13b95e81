"""Watching a rollout that has ended: every decision is printed, and the exit code is its result."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connectors.kafka.clients import KafkaSettings
from streams.cli.watching import ROLLED_BACK, watch_lines, watch_live
from streams.operator_client.status_view import StatusView
from tests.streams.operator_client.records import record
from tools.topics_page import examples


def ended(phase: str) -> StatusView:
    """Return a view of a rollout that ended in this phase, by its only decision."""
    view = StatusView(KafkaSettings())
    decision: dict[str, Any] = examples.decision()
    status = {**examples.status(), "phase": phase, "decision": decision["id"]}
    for document in (decision, status):
        view.add(record(orjson.dumps(document)))
    return view


@pytest.mark.parametrize(("phase", "code"), [("promoted", 0), ("rolled_back", ROLLED_BACK)])
async def test_the_exit_code_is_the_result(phase: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """As lines and as a live view."""
    assert await watch_lines(ended(phase), examples.ROLLOUT) == code
    assert "rollback" in capsys.readouterr().out
    assert await watch_live(ended(phase), examples.ROLLOUT) == code
