"""The contract with Faust's private parts: they are in the installed version, and do what we rely on."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as DriverConsumer

from connectors.kafka import private_faust


def test_the_installed_version_is_checked() -> None:
    """The pin in pyproject.toml and `CHECKED` agree."""
    private_faust.check_version()


def test_another_version_fails_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a message that names the version to install."""
    monkeypatch.setattr("faust.__version__", "0.16.0")
    with pytest.raises(private_faust.FaustVersionError, match=r"0\.16\.0 is not supported: install 0\.15"):
        private_faust.check_version()


def test_the_consumer_keeps_what_it_committed() -> None:
    """By partition, with None for one that it has not committed, and updated by each commit."""
    source = inspect.getsource(Consumer)
    assert "self._committed_offset = defaultdict(lambda: None)" in source
    assert "self._committed_offset.update(committable_offsets)" in source


def test_the_consumer_runs_in_a_thread_that_has_the_aiokafka_consumer() -> None:
    """The driver's consumer delegates to a thread; the thread returns its consumer, or raises before its start."""
    assert issubclass(DriverConsumer, ThreadDelegateConsumer)
    assert "self._thread = self._new_consumer_thread()" in inspect.getsource(ThreadDelegateConsumer)
    assert "return self._consumer" in inspect.getsource(AIOKafkaConsumerThread._ensure_consumer)


def test_what_is_read() -> None:
    """The two parts are found where they are looked for."""
    consumer = SimpleNamespace(_thread=SimpleNamespace(_ensure_consumer=lambda: "aiokafka"), _committed_offset={"p": 7})
    app: Any = SimpleNamespace(consumer=consumer)
    assert private_faust.aiokafka_consumer_of(app) == "aiokafka"
    assert private_faust.committed_offset_of(app, "p") == 7


def test_an_app_without_folders() -> None:
    """Faust creates its folders in the method that is replaced, and nowhere else."""
    assert "self._create_directories()" in inspect.getsource(faust.App.on_first_start)
    assert ".mkdir(" in inspect.getsource(faust.App._create_directories)
    assert "_create_directories" in vars(private_faust.FolderlessApp)
