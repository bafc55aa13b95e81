"""Stops a client of Kafka, whatever state a failure has left it in.

aiokafka's `stop` cancels its tasks and awaits them. A task that lets the cancellation out, as one does that was
cancelled before its first step, makes `stop` raise CancelledError in a task that nobody cancelled. That is no
`Exception`: it goes past every handler of errors, and ends the process of whoever only wanted to connect again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from connectors.kafka.private_closing import close_connections

_log = logging.getLogger(__name__)


async def stop_client(client: Any, limit_s: float | None = None) -> None:
    """Stop a consumer, a producer or an admin client; one that cannot stop in order is logged, and disconnected.

    One that takes longer than `limit_s` is given up. It raises only if the calling task itself was cancelled.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await _stop(client)


async def _stop(client: Any) -> None:
    try:
        await (client.stop() if hasattr(client, "stop") else client.close())
    except (Exception, asyncio.CancelledError) as error:
        if is_own_cancellation(error):
            raise
        _log.warning("a client of Kafka did not stop in order, and is disconnected: %r", error)
        with contextlib.suppress(Exception):
            await close_connections(client)


def is_own_cancellation(error: BaseException) -> bool:
    """Whether it was the calling task that was cancelled, and not one that it has waited for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
