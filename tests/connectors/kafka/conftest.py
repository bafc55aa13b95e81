"""Fixtures of the tests of Kafka's settings and clients."""

import os

import pytest


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the settings of this machine, so that a test has only its own."""
    for name in list(os.environ):
        if name.startswith("SLUICEGATE_") and not name.startswith("SLUICEGATE_TEST"):
            monkeypatch.delenv(name)
