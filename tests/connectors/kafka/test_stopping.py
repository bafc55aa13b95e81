"""Clients stop whatever state they are in, and a cancellation is passed on only to a task that was cancelled."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from connectors.kafka.stopping import stop_client


class Stopping:
    """A client whose `stop` raises this, or waits without end."""

    def __init__(self, error: BaseException | None) -> None:
        self._error = error
        self.entered = asyncio.Event()

    async def stop(self) -> None:
        """Raise it."""
        self.entered.set()
        if self._error is None:
            await asyncio.Event().wait()
        assert self._error is not None
        raise self._error


@pytest.mark.parametrize("error", [asyncio.CancelledError(), OSError("gone"), TimeoutError()])
async def test_a_client_that_fails_to_stop(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, with the type of the error, and the caller goes on."""
    with caplog.at_level(logging.WARNING):
        await stop_client(Stopping(error))
    assert type(error).__name__ in caplog.text


async def test_a_task_that_is_cancelled_while_it_stops_a_client() -> None:
    """It ends as cancelled; a time limit counts as that."""
    client = Stopping(None)
    task = asyncio.create_task(stop_client(client))
    await client.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await stop_client(client)


@pytest.mark.parametrize("kind", [AIOKafkaConsumer, AIOKafkaProducer, AIOKafkaAdminClient])
async def test_real_clients(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind is stopped; where that fails, its connections are closed all the same."""
    closed: list[object] = []

    async def close(client: object) -> None:
        closed.append(client)

    async def failing(_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr("aiokafka.client.AIOKafkaClient.close", close)
    client = kind(bootstrap_servers="localhost:1")
    await stop_client(client)
    assert closed
    closed.clear()
    name = "close" if kind is AIOKafkaAdminClient else "stop"
    monkeypatch.setattr(kind, name, failing)
    other = kind(bootstrap_servers="localhost:1")
    await stop_client(other)
    assert len(closed) == 1
    monkeypatch.undo()
    await stop_client(other)
