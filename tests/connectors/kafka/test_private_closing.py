"""aiokafka's own fetcher closes in any state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.errors import NodeNotReadyError

from tests.connectors.kafka.test_private_answers import Reader


@pytest.fixture
async def reader(request: pytest.FixtureRequest) -> AsyncIterator[Reader]:
    """A reader; without an offset it asks the broker for one first."""
    made = Reader(sought=getattr(request, "param", True))
    yield made
    await made.fetcher.close()


@pytest.mark.parametrize("reader", [True, False], indirect=True)
async def test_a_fetcher_that_is_closed_while_it_waits_for_its_next_try(reader: Reader) -> None:
    """What it cancels ends without a trace: nobody else is cancelled."""
    reader._client.fault = NodeNotReadyError("down")
    for _ in range(30):
        await asyncio.sleep(0.01)
        if any(not task.done() for task in reader.fetcher._pending_tasks):
            break
    await asyncio.sleep(0.02)  # it failed, and sleeps
    await reader.fetcher.close()
    await reader.fetcher.close()
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_fetcher_that_is_closed_before_its_tasks_have_begun(reader: Reader) -> None:
    """The same for tasks that were cancelled before their first step."""
    reader.fetcher._pending_tasks.add(asyncio.ensure_future(reader.read(1)))
    await reader.fetcher.close()
