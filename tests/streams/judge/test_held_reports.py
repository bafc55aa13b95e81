"""Rollouts that are not judged are reported, beside those that are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from streams.judge import held_reports
from streams.judge.held_reports import HeldReports
from streams.runtime.settings import Settings


async def test_it_is_tried_until_gate_status_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call returns at once, and another one does not begin a second try meanwhile."""
    tries: list[str] = []

    async def statuses(_: Settings, reason: Callable[[str], str | None]) -> list[tuple[str, dict[str, object]]]:
        tries.append("")
        if len(tries) == 1:
            raise KafkaError
        return [("r", {"reason": reason("r")})]

    monkeypatch.setattr(held_reports, "held_statuses", statuses)
    monkeypatch.setattr(held_reports, "RETRY_SECONDS", 0.0)
    sent: list[tuple[str, object]] = []
    recovery: Any = SimpleNamespace(
        truncated=SimpleNamespace(unreported=frozenset(), reported=lambda _: None), unreported={"r": "newer"}
    )
    sender: Any = SimpleNamespace(put_status=lambda name, document: sent.append((name, document)))
    consumer: Any = None
    found = HeldReports(Settings(), consumer, recovery, sender)
    found.stop()
    async with asyncio.timeout(60):
        while recovery.unreported:
            found.report()
            await asyncio.sleep(0)
    assert (len(tries), sent) == (2, [("r", {"reason": "newer"})])
    found.report()
    found.stop()
    assert len(tries) == 2


async def test_a_truncated_partition_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the partitions that the journal has."""
    sent: list[str] = []
    unreported: set[int] = {1}

    async def statuses(partitions: set[int], every: set[int]) -> list[tuple[str, dict[str, object]]]:
        assert (partitions, every) == ({1}, {0, 1})
        return [("r", {})]

    truncated = SimpleNamespace(unreported=unreported, statuses=statuses, reported=lambda _: unreported.clear())
    recovery: Any = SimpleNamespace(truncated=truncated, unreported={})
    sender: Any = SimpleNamespace(put_status=lambda name, _: sent.append(name))
    consumer: Any = SimpleNamespace(partitions_for_topic=lambda _: {0, 1})
    found = HeldReports(Settings(), consumer, recovery, sender)
    async with asyncio.timeout(60):
        while unreported:
            found.report()
            await asyncio.sleep(0)
    assert sent == ["r"]
