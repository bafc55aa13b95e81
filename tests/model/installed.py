"""Puts the model's clients, topics and clock in the place of Kafka's and the machine's."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.kafka import clients, topic_reader
from streams import clock
from streams.ingest import cutting
from streams.ingest import service as ingest_service
from streams.journal import CHUNK_RULE
from streams.judge import service as judge_service
from tests.model.world import World

CHUNK_OFFSETS, SLOT_MS = 8, 3_000
"""Chunks are much shorter than in production, so that a schedule of seconds has several."""


def _importers(origin: Any, name: str) -> list[Any]:
    """Return the modules that have imported a function by its name: it is replaced in each of them."""
    modules = [module for at, module in sys.modules.items() if at.startswith("streams.")]
    return [module for module in modules if getattr(module, name, None) is getattr(origin, name)]


IMPORTERS = {name: _importers(topic_reader, name) for name in ("read_to_end", "partitions_of")}
CUTTERS = _importers(cutting, "rule")


def install(world: World, patch: pytest.MonkeyPatch) -> None:
    """Let all services use this world."""
    patch.setattr(clients, "consumer", world.consumer)
    patch.setattr(clients, "producer", world.producer)
    for name, modules in IMPORTERS.items():
        for module in modules:
            patch.setattr(module, name, getattr(world, name))
    for module in CUTTERS:
        patch.setattr(module, "rule", lambda: CHUNK_RULE)
    patch.setattr(cutting, "CHUNK_OFFSETS", CHUNK_OFFSETS)
    patch.setattr(cutting, "SLOT_MS", SLOT_MS)
    patch.setattr(clock, "time", SimpleNamespace(time_ns=lambda: world.broker.now_ms() * 1_000_000))
    patch.setattr(
        ingest_service, "time", SimpleNamespace(process_time=lambda: 0.0, monotonic=lambda: 1e6 + world.loop.now)
    )
    patch.setattr(ingest_service, "read_batches", lambda _: False)
    for service in (ingest_service, judge_service):
        patch.setattr(service, "answered", lambda *_: True)
