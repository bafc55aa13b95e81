"""The private parts of aiokafka with which clients end; see `private_aiokafka`.

The contract is `tests/connectors/kafka/test_private_closing.py`.
"""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher

from connectors.kafka.private_aiokafka import is_checked


def close_in_any_state() -> None:
    """Let a fetcher close while a failed request waits for its next try. Call only if this aiokafka was checked.

    aiokafka awaits there what it cancels, and that wait lets the cancellation out: whoever stopped a consumer during an
    outage would seem to be cancelled.
    """
    close: Any = fetcher.Fetcher.close

    @wraps(close)
    async def closed(reader: Any) -> None:
        reader._fetch_task.cancel()
        await asyncio.wait({reader._fetch_task})  # it starts no more of them after this
        pending = set(reader._pending_tasks)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)
        reader._pending_tasks.clear()
        await close(reader)

    fetcher.Fetcher.close = closed


async def close_connections(client: Any) -> None:
    """Disconnect a consumer, a producer or an admin client whose `stop` has failed; nothing if it was not checked."""
    inner = getattr(client, "_client", None) or getattr(client, "client", None)
    if is_checked() and isinstance(inner, AIOKafkaClient):
        await inner.close()
