"""An end is done once it is confirmed; until then, how long its confirmation is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from connectors.kafka.clients import KafkaSettings
from streams.cli.confirming import UNSENT_MS, WatchedEnd, require_confirmation, unconfirmed_end
from streams.cli.failures import ROLLED_BACK, UNCONFIRMED, Failure
from streams.operator_client.status_view import StatusView
from tests.streams.operator_client.records import record
from tests.streams.views import stories

Document = Mapping[str, Any]


def with_order(status: Document, **fields: object) -> Document:
    """Return the status with other fields of its order."""
    return {**status, "order": {**status["order"], **fields}}


def test_by_default_all_tries_are_waited_for() -> None:
    """While the order is sent again nothing is given up; it is when they are used up, or when nobody sends it."""
    status, _ = stories.failed()
    due = status["order"]["due"]
    assert WatchedEnd().exit_code(status, due) is None
    assert WatchedEnd().exit_code(with_order(status, overdue=True), due) == UNCONFIRMED
    assert WatchedEnd().exit_code(status, due + UNSENT_MS + 1) == UNCONFIRMED
    assert WatchedEnd().exit_code(stories.confirmed()[0], due) == ROLLED_BACK


def test_a_status_of_an_earlier_version_claims_nothing() -> None:
    """Its `confirmed` spoke of the stage, not of the end."""
    status, _ = stories.failed()
    earlier = {name: value for name, value in status.items() if name != "order"} | {"confirmed": True}
    assert WatchedEnd().exit_code(earlier, 0) == UNCONFIRMED
    assert "the status was written by an earlier version" in unconfirmed_end(earlier)


async def test_a_timeout_counts_from_the_end() -> None:
    """However many tries there are, and also after they are used up."""
    status, _ = stories.failed()
    end = WatchedEnd(0.05)
    assert end.exit_code(with_order(status, overdue=True), 0) is None
    await asyncio.sleep(0.06)
    assert end.exit_code(status, 0) == UNCONFIRMED


async def test_an_order_is_done_once_it_is_confirmed() -> None:
    """Else the failure has the order, who failed and with what words, and what to do."""
    view = StatusView(KafkaSettings())
    status, decisions = stories.confirmed()
    view.add(record(orjson.dumps(status)))
    await require_confirmation(view, decisions[-1], 1.0)
    failed, _ = stories.failed()
    view.add(record(orjson.dumps(with_order(failed, overdue=True))))
    with pytest.raises(Failure) as failure:
        await require_confirmation(view, decisions[-1], 1.0)
    assert failure.value.exit_code == UNCONFIRMED
    assert failure.value.message == (
        "checkout-v2 is rolled back, but lacks confirmation of order checkout-v2:1:2 (stable 100%, canary 0%), 3 tries "
        f"used up: haproxy-eu failed: {stories.REFUSED}; haproxy-us failed: RuntimeError: haproxy did not reload; "
        "actual weights are unknown: check the actuators and the router; "
        "`sluicegate rollout watch checkout-v2 --timeout SECONDS` waits on"
    )


async def test_a_status_from_before_the_decision_confirms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statuses and decisions are on topics apart: the status of the stage before, which was confirmed, may be there."""
    view = StatusView(KafkaSettings())
    monkeypatch.setattr(view, "poll", lambda: asyncio.sleep(0.01))
    status, decisions = stories.confirmed()
    for before in (decisions[0]["id"], None):
        view.add(record(orjson.dumps({**status, "phase": "baking", "decision": before})))
        with pytest.raises(Failure, match=r"rollback is decided .*, but no status of it has arrived"):
            await require_confirmation(view, {**decisions[-1], "sequence": 3}, 0.02)
