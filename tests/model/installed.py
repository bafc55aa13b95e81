"""Puts the model's clients, topics and clock in the place of Kafka's and the machine's."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.kafka import clients, topic_reader
from streams import clock
from streams.ingest import service as ingest_service
from streams.judge import service as judge_service
from tests.model.world import World

READERS = ("read_to_end", "partitions_of")
"""Functions that services import by name, so that they are replaced wherever they were imported."""


def _importers() -> list[tuple[Any, str]]:
    modules = [module for name, module in sys.modules.items() if name.startswith("streams.")]
    return [
        (module, name)
        for module in modules
        for name in READERS
        if getattr(module, name, None) is getattr(topic_reader, name)
    ]


IMPORTERS = _importers()


def install(world: World, patch: pytest.MonkeyPatch) -> None:
    """Let all services use this world."""
    patch.setattr(clients, "consumer", world.consumer)
    patch.setattr(clients, "producer", world.producer)
    for module, name in IMPORTERS:
        patch.setattr(module, name, getattr(world, name))
    patch.setattr(clock, "time", SimpleNamespace(time_ns=lambda: world.broker.now_ms() * 1_000_000))
    patch.setattr(
        ingest_service, "time", SimpleNamespace(process_time=lambda: 0.0, monotonic=lambda: 1e6 + world.loop.now)
    )
    patch.setattr(ingest_service, "read_batches", lambda _: False)
    for service in (ingest_service, judge_service):
        patch.setattr(service, "answered", lambda *_: True)
