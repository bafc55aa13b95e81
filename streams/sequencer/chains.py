"""Chains of work: in order for each key, while work of other keys goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

WAIT_S: Final = 1.0
"""Seconds for which the next work of any key waits, where `run` began the one before: that is done in the order of
arrival, unless some takes longer."""

MOST_WAITING: Final = 1_000
"""Works that may be unfinished at once. Beyond that the next one waits, however long."""


class Chains:
    """Work that is begun and not finished."""

    def __init__(self) -> None:
        self._last: dict[Hashable, asyncio.Task[None]] = {}
        self._unfinished: set[asyncio.Task[None]] = set()

    async def run(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Do the work after all earlier work of this key; returns when it is done, or takes long."""
        task = await self.begin(key, work)
        await asyncio.wait([task], timeout=WAIT_S)
        return task

    async def begin(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Do the work after all earlier work of this key; returns once it is to be done."""
        while len(self._unfinished) >= MOST_WAITING:
            await asyncio.wait(self._unfinished, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(_after(self._last.get(key), work))
        self._last[key] = task
        self._unfinished.add(task)
        task.add_done_callback(lambda _: self._end(key, task))
        return task

    def _end(self, key: Hashable, task: asyncio.Task[None]) -> None:
        self._unfinished.discard(task)
        if self._last.get(key) is task:
            del self._last[key]


async def _after(before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
    if before is not None:
        await asyncio.wait([before])
    await work()
