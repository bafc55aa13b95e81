"""Lines that aiokafka repeats are logged once, or now and then; every other line is logged."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

import connectors.kafka.clients  # noqa: F401 - it installs the filters
from connectors.kafka import repeated_warnings

CLOCK: Any = SimpleNamespace(now=1_000.0, monotonic=lambda: CLOCK.now)


@pytest.fixture(autouse=True)
def nothing_was_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the clock is moved by hand."""
    monkeypatch.setattr(repeated_warnings, "_logged_at", {})
    monkeypatch.setattr(repeated_warnings, "time", CLOCK)


def test_a_password_in_the_clear(caplog: pytest.LogCaptureFixture) -> None:
    """Once per process, and not at each login."""
    for _ in range(3):
        logging.getLogger("aiokafka.conn").warning("Sending username and password in the clear")
        CLOCK.now += 3_600
    assert len(caplog.records) == 1


def test_a_denied_topic(caplog: pytest.LogCaptureFixture) -> None:
    """Each topic once a minute."""
    for _ in range(4):
        for topic in ("request-events", "gate-journal"):
            logging.getLogger("aiokafka.cluster").error("Topic %s is not authorized for this client", topic)
        CLOCK.now += 40
    assert len(caplog.records) == 4


def test_other_lines(caplog: pytest.LogCaptureFixture) -> None:
    """All of them."""
    for _ in range(3):
        logging.getLogger("aiokafka.cluster").error("Topic %s not found in cluster metadata", "request-events")
    assert len(caplog.records) == 3
