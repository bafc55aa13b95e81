"""The router's emitter of request events."""

import pytest

from connectors.kafka.clients import KafkaSettings
from streams.demo.router import MOST_WAITING_EVENTS, EventEmitter
from streams.demo.routing import Routing
from streams.demo.seeds import seeded_random


@pytest.fixture
def routing() -> Routing:
    """Return a router before its first order."""
    return Routing("stable", "canary", seeded_random(1, "router"))


def test_events_never_hold_up_traffic(routing: Routing) -> None:
    """What the broker does not take in time is dropped and counted; nothing waits."""
    emitter = EventEmitter(KafkaSettings(), routing)
    for number in range(MOST_WAITING_EVENTS + 3):
        emitter.put(f"r{number}", {})
    assert routing.report.events_dropped == 3


def test_silence_is_not_loss(routing: Routing) -> None:
    """While telemetry is switched off nothing is queued, and nothing counts as dropped."""
    emitter = EventEmitter(KafkaSettings(), routing)
    emitter.emit = False
    for number in range(MOST_WAITING_EVENTS + 3):
        emitter.put(f"r{number}", {})
    assert routing.report.events_dropped == 0
