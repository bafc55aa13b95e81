"""Puts the model's clients, topics and clock in the place of Kafka's and the machine's."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.kafka import clients, consumer_progress, topic_reader
from connectors.kafka import topic_ids as topic_ids_module
from streams import clock
from streams.clock import BrokerClock
from streams.ingest import cutting, lanes
from streams.ingest import service as ingest_service
from streams.ingest.journaling import JournalWriter
from streams.journal import CHUNK_RULE
from streams.judge import service as judge_service
from streams.sequencer import clock as sequencer_clock
from tests.model.clients import topic_ids
from tests.model.world import World

CHUNK_OFFSETS, SLOT_MS = 8, 3_000
"""Chunks are much shorter than in production, so that a schedule of seconds has several."""


def _importers(origin: Any, name: str) -> list[Any]:
    """Return the modules that have imported a function by its name: it is replaced in each of them."""
    modules = [module for at, module in sys.modules.items() if at.startswith("streams.")]
    return [module for module in modules if getattr(module, name, None) is getattr(origin, name)]


@cache
def importers() -> Mapping[str, list[Any]]:
    """Return the importers of each function that is replaced, once all modules of the services are imported."""
    origins = {"read_to_end": topic_reader, "partitions_of": topic_reader, "topic_ids": topic_ids_module}
    return {name: _importers(origin, name) for name, origin in origins.items()} | {"rule": _importers(cutting, "rule")}


class _HealthyApp:
    """What a sequencer's clock asks of its app."""

    partitions = 1
    stalled = ""

    def __init__(self, *_: object) -> None: ...

    def healthy(self, *_: object) -> bool:
        """Health is not part of the model."""
        return True


def install(world: World, patch: pytest.MonkeyPatch) -> None:
    """Let all services use this world."""
    patch.setattr(clients, "consumer", world.consumer)
    patch.setattr(clients, "producer", world.producer)
    patch.setattr(clients, "admin", world.admin)
    replaced = {
        "read_to_end": world.read_to_end,
        "partitions_of": world.partitions_of,
        "topic_ids": topic_ids,
        "rule": lambda: CHUNK_RULE,
    }
    for name, modules in importers().items():
        for module in modules:
            patch.setattr(module, name, replaced[name])
    patch.setattr(cutting, "CHUNK_OFFSETS", CHUNK_OFFSETS)
    patch.setattr(cutting, "SLOT_MS", SLOT_MS)
    patch.setattr(clock, "time", SimpleNamespace(time_ns=lambda: world.broker.now_ms() * 1_000_000))
    patch.setattr(consumer_progress, "time", SimpleNamespace(time=world.loop.time))
    virtual = SimpleNamespace(process_time=lambda: 0.0, monotonic=lambda: 1e6 + world.loop.now)
    for module in (ingest_service, lanes):
        patch.setattr(module, "time", virtual)
    for kind in (JournalWriter, BrokerClock):  # the clock is the default of an argument
        patch.setattr(kind.__init__, "__defaults__", (virtual.monotonic,))
    patch.setattr(sequencer_clock, "FaustProgress", _HealthyApp)
    patch.setattr(ingest_service, "read_batches", lambda _: False)
    for service in (ingest_service, judge_service):
        patch.setattr(service, "answered", lambda *_: True)
