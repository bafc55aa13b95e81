"""The contract with Faust's private parts: they are in the installed version, and do what we rely on."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer
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


def test_the_consumer_knows_what_is_unfinished() -> None:
    """The messages that agents have, and the offset it has read: first the commit's, then the last message's."""
    source = inspect.getsource(Consumer)
    assert "self._unacked_messages = WeakSet()" in source
    assert "self._read_offset = defaultdict(lambda: None)" in source
    assert "set_read_offset(tp, offset)" in source
    assert "_committed_offsets = await self.seek_to_committed()" in source


def test_only_committed_messages_are_read() -> None:
    """The thread's consumer has its isolation level before it starts, which makes its fetcher."""
    private_faust.read_committed_only()
    create: Any = AIOKafkaConsumerThread._create_worker_consumer
    assert "isolation_level=isolation_level" in inspect.getsource(inspect.unwrap(create))
    assert "self._isolation_level = isolation_level" in inspect.getsource(AIOKafkaConsumer.__init__)
    assert "isolation_level=self._isolation_level" in inspect.getsource(AIOKafkaConsumer.start)


def test_an_app_without_folders() -> None:
    """Faust creates its folders in the method that is replaced, and nowhere else."""
    assert "self._create_directories()" in inspect.getsource(faust.App.on_first_start)
    assert ".mkdir(" in inspect.getsource(faust.App._create_directories)
    assert "_create_directories" in vars(private_faust.FolderlessApp)
