"""Truncated partitions: their rollouts are reported as held, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord

from streams.judge import truncation
from streams.judge.truncation import Truncation, partition_of
from streams.runtime.health import Health
from streams.runtime.settings import Settings

EVERY = {0, 1, 2, 3}
NAMES = [f"rollout-{number}" for number in range(20)]


def status(name: str, phase: str) -> dict[str, Any]:
    """Return what the tests need of a status."""
    return {"rollout": name, "phase": phase, "reason": "as before", "weights": {"canary": 5}} | {
        "decision": f"{name}:1:1",
        "epoch": 1,
        "event_time": 5,
    }


@pytest.fixture
def old() -> list[tuple[int, dict[str, Any]]]:
    """Return statuses of other partitions, which are read last, each with its partition."""
    return []


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, old: list[tuple[int, dict[str, Any]]]) -> dict[str, str]:
    """Return the phases of the rollouts on `gate-status`, by name."""
    phases = dict.fromkeys(NAMES, "baking")

    async def read(_: Settings, topic: str) -> AsyncIterator[ConsumerRecord]:
        for offset, (name, phase) in enumerate(phases.items()):
            value = orjson.dumps(status(name, phase))
            yield ConsumerRecord(topic, 1, offset, 0, 0, name.encode(), value, None, 0, len(value), ())
        for partition, document in old:
            value = orjson.dumps(document)
            name = document["rollout"]
            yield ConsumerRecord(topic, partition, 0, 0, 0, name.encode(), value, None, 0, len(value), ())

    monkeypatch.setattr(truncation, "read_to_end", read)
    return phases


def test_health_shows_every_truncated_partition() -> None:
    """In the order of partitions; released ones are another judge's."""
    pulse = Health().pulse("judge")
    found = Truncation(Settings(), pulse)
    found.add(2, "two")
    found.add(1, "one")
    assert (1 in found, 0 in found, pulse.trouble) == (True, False, "one; two")
    found.release(1)
    assert (pulse.trouble, found.unreported) == ("two", frozenset({2}))
    found.reported(found.unreported)
    assert found.unreported == frozenset()


async def test_running_rollouts_of_the_partition_are_held(published: dict[str, str]) -> None:
    """With the reason and their weights; ended ones, and those of other partitions, keep their status."""
    home = partition_of(NAMES[0], EVERY)
    here = [name for name in NAMES if partition_of(name, EVERY) == home]
    published[here[-1]] = "promoted"
    found = Truncation(Settings(), Health().pulse("judge"))
    found.add(home, "offsets are missing")
    statuses = dict(await found.statuses(found.unreported, EVERY))
    assert sorted(statuses) == sorted(here[:-1])
    assert statuses[NAMES[0]] == status(NAMES[0], "held") | {"reason": "offsets are missing", "decision": None}


async def test_the_newest_status_counts(published: dict[str, str], old: list[tuple[int, dict[str, Any]]]) -> None:
    """Partitions were added to `gate-status`, and it still has the rollout's status from before its end."""
    published[NAMES[0]] = "promoted"
    old.append((0, status(NAMES[0], "baking") | {"event_time": 4}))
    found = Truncation(Settings(), Health().pulse("judge"))
    home = partition_of(NAMES[0], EVERY)
    found.add(home, "offsets are missing")
    assert NAMES[0] not in dict(await found.statuses(found.unreported, EVERY))


@pytest.mark.usefixtures("published")
async def test_a_released_partition_is_not_reported() -> None:
    """It was released while `gate-status` was read."""
    found = Truncation(Settings(), Health().pulse("judge"))
    home = partition_of(NAMES[0], EVERY)
    found.add(home, "offsets are missing")
    due = found.unreported
    found.release(home)
    assert await found.statuses(due, EVERY) == []
