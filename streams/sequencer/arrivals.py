"""What has arrived of a stream by now, together: one question to Kafka is then enough for many messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Final, TypeVar

MOST_TOGETHER: Final = 500

T = TypeVar("T")


async def arrived(stream: AsyncIterable[T], most: int = MOST_TOGETHER) -> AsyncGenerator[list[T], None]:
    """Lists of what the stream has given since the last one, in order; each has one at least, and `most` at most.

    An error of the stream is raised after all that came before it. Close the iterator (`contextlib.aclosing`).
    """
    waiting: list[T] = []
    news, room = asyncio.Event(), asyncio.Event()

    async def fill() -> None:
        async for each in stream:
            waiting.append(each)
            news.set()
            if len(waiting) >= most:
                room.clear()
                await room.wait()

    filling = asyncio.create_task(fill())
    filling.add_done_callback(lambda _: news.set())
    try:
        while waiting or not filling.done():
            await news.wait()
            news.clear()
            if waiting:
                together = waiting.copy()
                waiting.clear()
                room.set()
                yield together
        await filling
    finally:
        filling.cancel()
        await asyncio.wait([filling])
