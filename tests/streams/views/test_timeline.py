"""Decisions and statuses as lines, each printed once."""

from typing import Any

import pytest

from gates.decisions import Decision
from streams.views.timeline import EARLIER, Timeline, decision_line, status_line
from tests.streams.views import stories
from tools.topics_page import examples


@pytest.fixture
def status() -> dict[str, Any]:
    """Return a status while the first stage bakes."""
    return dict(examples.status())


@pytest.fixture
def decisions() -> list[dict[str, Any]]:
    """Return all decisions of the example."""
    return [dict(one.document()) for one in examples.outcomes() if isinstance(one, Decision)]


def test_a_decision_is_a_line(decisions: list[dict[str, Any]]) -> None:
    """Time, action, stage, weights, reason; one that needs a person is marked."""
    line = decision_line(decisions[-1])
    assert line == f"00:00:07Z  rollback  canary  stable 100%, canary 0%  {decisions[-1]['reason']}"
    assert decision_line(decisions[-1] | {"escalate": True}) == f"{line}  [needs a person]"


def test_a_status_is_a_line(status: dict[str, Any]) -> None:
    """Time, phase, stage, bake, weights, verdicts."""
    start = "00:00:01Z  baking  stage 1 of 2 (canary), baked 1s of 1m  stable 90%, canary 10% (confirmed by replay)  "
    assert status_line(status) == f"{start}errors INCONCLUSIVE"
    assert status_line(status | {"checks": []}) == f"{start}no verdict yet"


def test_each_line_comes_once(status: dict[str, Any], decisions: list[dict[str, Any]]) -> None:
    """A decision once; a status when something but its time and counts has changed."""
    timeline = Timeline([])
    assert list(timeline.new_lines(status, decisions[:1])) == [decision_line(decisions[0]), status_line(status)]
    later = status | {"event_time": status["event_time"] + 1_000, "baked_ms": 2_000}
    assert list(timeline.new_lines(later, decisions[:1])) == []
    failed = later | {"order": stories.failed()[0]["order"]}
    assert list(timeline.new_lines(failed, decisions[:1])) == [status_line(failed)]
    assert "stable 90%, canary 10% (not confirmed, try 2 of 3: haproxy-eu failed: ConnectionRef" in status_line(failed)
    unread = dict(stories.unreadable()[0])
    [line] = timeline.new_lines(unread, decisions[:1])
    assert line.endswith(
        "errors PASS  telemetry of canary: 25% (300 of 400 events of stage canary could not be read), "
        "needs 99% (min_completeness)"
    )
    counts = {"telemetry": {**unread["telemetry"], "canary": {**unread["telemetry"]["canary"], "unreadable": 301}}}
    assert list(timeline.new_lines(unread | counts, decisions[:1])) == []
    stuck = failed | {"decision": None, "reason": "the journal is truncated"}
    assert list(timeline.new_lines(stuck, decisions[:1])) == [status_line(stuck), "the journal is truncated"]


def test_only_the_last_decisions_before_the_start_are_shown(
    status: dict[str, Any], decisions: list[dict[str, Any]]
) -> None:
    """They give the context; older ones would fill the terminal."""
    many = [decisions[0] | {"id": f"checkout-v2:1:{number}"} for number in range(EARLIER + 3)]
    lines = list(Timeline(many).new_lines(status, many))
    assert len(lines) == EARLIER + 1
