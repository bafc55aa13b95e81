"""Counting what was fetched gives others their turn, and never counts for a chunker that was replaced meanwhile."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import TopicPartition

from streams.ingest import service
from streams.ingest.service import Ingest
from streams.runtime.health import Health
from streams.runtime.settings import Settings

ONE, OTHER, GONE = (TopicPartition("request-events", number) for number in range(3))


async def test_a_chunker_that_is_replaced_gets_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """While others have their turn, a partition may be lost, or be read again from its commit."""
    monkeypatch.setattr(service, "LONGEST_TURN_S", -1.0)  # a turn for others after each list
    ingest: Any = Ingest(Settings(), Health())
    ingest._in_batches = True
    now = SimpleNamespace(agreed=5)
    ingest._writer = SimpleNamespace(broker_clock=SimpleNamespace(now=lambda: now))
    first, other = (SimpleNamespace(times=SimpleNamespace(now=None)) for _ in range(2))
    ingest._chunkers.update({ONE: first, OTHER: other})
    counted: list[tuple[Any, Any]] = []
    ingest._decoder = SimpleNamespace(count=lambda chunker, place, lists: counted.append((chunker, lists[0])))

    async def replace() -> None:
        while len(counted) < 2:
            await asyncio.sleep(0)
        ingest._chunkers[ONE] = object()

    replacing = asyncio.create_task(replace())
    await ingest._count({ONE: ["a", "b", "c", "d", "e", "f"], OTHER: ["x", "y"], GONE: ["z"]})
    await replacing
    mine = [each for chunker, each in counted if chunker is first]
    assert 2 <= len(mine) < 6
    assert mine == ["a", "b", "c", "d", "e"][: len(mine)]
    assert [each for chunker, each in counted if chunker is other] == ["x", "y"]
    assert len(counted) == len(mine) + 2
    assert first.times.now == other.times.now == 5
