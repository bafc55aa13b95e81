"""A worker that would decide otherwise than was published: no other weights are ordered, and it is seen."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gates.decisions import Decision
from streams import journal
from streams.journal import encode_document
from streams.judge.fold import Fold
from streams.judge.outputs import RolloutStatus
from streams.operator_client.errors import RunningAlreadyError
from streams.operator_client.orders import Insistence, start
from streams.operator_client.status_view import StatusView
from tests.pipeline.harness import PATIENCE, POLICY, Site


@pytest.fixture
async def site(broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        yield site


async def _journaled_start(site: Site) -> Any:
    """The start's record in the journal."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for record in await site.read(site.topics.journal):
                if isinstance(journal.decode(record.value), journal.Start):
                    return record
            await asyncio.sleep(0.2)


async def _status(site: Site) -> dict[str, Any]:
    """The newest status."""
    *_, newest = await site.read(site.topics.status)
    found: dict[str, Any] = json.loads(newest.value)
    return found


async def test_a_published_decision_is_not_undone(site: Site) -> None:
    """Another build ordered 5% where this one would order 20%: that stays, until an operator starts it again."""
    sequencer = site.worker("sequencer")
    await sequencer.ready()
    await site.start()
    record = await _journaled_start(site)
    decision, status = Fold(record.partition).apply(journal.decode(record.value), record.offset)
    assert isinstance(decision, Decision)
    assert isinstance(status, RolloutStatus)
    other = {"weights": {"stable": 95, "canary": 5}}
    key = decision.rollout.encode()
    before = encode_document(decision.document() | other)
    await site.producer.send_and_wait(site.topics.decisions, before, key=key)
    await site.producer.send_and_wait(site.topics.status, encode_document(status.document | other), key=key)
    judge = site.worker("judge")
    await judge.ready()
    await judge.shows(f'sluicegate_set_aside_rollouts{{partition="{record.partition}"}}', at_least=1)
    async with asyncio.timeout(PATIENCE):
        while (held := await _status(site))["phase"] != "held":
            await asyncio.sleep(0.2)
    assert held["weights"] == other["weights"]
    assert "checkout-v2:1:1 was published with weights" in held["reason"]
    assert json.loads(judge.get("/healthz"))["ok"]
    assert await site.decisions() == {"checkout-v2:1:1": before}
    async with StatusView(site.settings) as view:
        with pytest.raises(RunningAlreadyError):
            await start(view, POLICY, by="tester", reason="", wait_s=None)
        confirmed = Insistence(confirmed=True)
        again = await start(view, POLICY, by="tester", reason="", wait_s=PATIENCE, insists=confirmed)
    assert again is not None
    assert (again["id"], again["weights"]) == ("checkout-v2:2:1", {"stable": 80, "canary": 20})
    assert judge.stop() == 0, judge.log()
