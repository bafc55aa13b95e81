"""Messages that have arrived are handled together, in order, and not too many wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from streams.sequencer.arrivals import arrived


async def stream(*steps: int | float) -> AsyncIterator[int]:
    """Give these whole numbers; where there is a fraction, others have their turn."""
    for step in steps:
        if isinstance(step, float):
            await asyncio.sleep(step)
        else:
            yield step


async def test_what_came_meanwhile_comes_together() -> None:
    """All of it, whether the stream ends with a message or after a while."""
    for end in ((), (0.01,)):
        found = []
        async for together in arrived(stream(1, 0.01, 2, 3, 4, 0.05, 5, *end)):
            found.append(together)
            await asyncio.sleep(0.02)
        assert found == [[1], [2, 3, 4], [5]]
    assert [each async for each in arrived(stream())] == []


async def test_not_too_many_wait() -> None:
    """The stream is asked for no more."""
    given: list[int] = []

    async def endless() -> AsyncIterator[int]:
        while True:
            given.append(len(given))
            yield given[-1]

    async with aclosing(arrived(endless(), 3)) as lists:
        async for together in lists:
            assert together == given[-3:]
            await asyncio.sleep(0.001)
            if together[0] >= 6:
                break
    number = len(given)
    await asyncio.sleep(0.01)
    assert len(given) == number


async def test_an_error_comes_last() -> None:
    """What came before it is handled."""

    async def failing() -> AsyncIterator[int]:
        yield 1
        raise OSError("gone")

    lists = arrived(failing())
    assert await anext(lists) == [1]
    with pytest.raises(OSError, match="gone"):
        await anext(lists)
