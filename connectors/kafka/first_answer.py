"""Asks several servers for the same, and takes the answer that comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

Server = TypeVar("Server")
Answer = TypeVar("Answer")


async def first_answers(
    servers: Sequence[Server],
    ask: Callable[[Server], Awaitable[Answer | None]],
    *,
    limit_s: float,
    pause_s: float,
    head_start_s: float = 0.0,
) -> list[tuple[Server, Answer]]:
    """The server that answered first, with its answer; others follow that answered in the same moment.

    `ask` gives None if the server has no answer. The first server has `head_start_s` to answer or fail before the
    others are asked. One that has failed is asked again after `pause_s`, for as long as another is silent: a new
    address may begin to listen while an old one swallows everything. The list is empty when each has failed, or after
    `limit_s`.
    """
    failed: set[Server] = set()
    all_begin = asyncio.Event()

    async def persist(server: Server) -> Answer | None:
        while (answer := await ask(server)) is None:
            failed.add(server)
            all_begin.set()
            if len(failed) == len(servers):
                return None
            await asyncio.sleep(pause_s)
        return answer

    async def follow(server: Server) -> Answer | None:
        await all_begin.wait()
        return await persist(server)

    if not servers:
        return []
    asked = {
        asyncio.create_task((follow if place else persist)(server)): server for place, server in enumerate(servers)
    }
    head_start = asyncio.get_running_loop().call_later(head_start_s, all_begin.set)
    try:
        await asyncio.wait(asked, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        head_start.cancel()
        for task in asked:
            task.cancel()
        ended = await asyncio.gather(*asked, return_exceptions=True)
    found = zip(asked.values(), ended, strict=True)
    return [(server, answer) for server, answer in found if not isinstance(answer, BaseException | None)]
