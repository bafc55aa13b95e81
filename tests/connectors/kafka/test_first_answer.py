"""The first answer of several servers: who is asked when, and who again."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from connectors.kafka.first_answer import first_answers

SERVERS = ("old", "new", "other")


def asking(answers: dict[str, list[Any]]) -> tuple[Any, Counter[str]]:
    """A function that gives the next answer of a server, or waits without end after the last; and how often it did."""
    asked: Counter[str] = Counter()

    async def ask(server: str) -> Any:
        asked[server] += 1
        if not answers.get(server):
            await asyncio.Event().wait()
        return answers[server].pop(0)

    return ask, asked


async def test_a_silent_server_holds_up_nobody() -> None:
    """The others are asked after the head start."""
    ask, asked = asking({"new": ["found"]})
    assert await first_answers(SERVERS[:2], ask, limit_s=60, pause_s=0, head_start_s=0.01) == [("new", "found")]
    assert asked == {"old": 1, "new": 1}


async def test_the_first_alone_is_asked_if_it_answers() -> None:
    """A start costs no more connections than it must."""
    ask, asked = asking({"old": ["found"]})
    assert await first_answers(SERVERS, ask, limit_s=60, pause_s=0, head_start_s=60) == [("old", "found")]
    assert asked == {"old": 1}


async def test_the_others_begin_when_the_first_has_failed() -> None:
    """Without waiting for the head start to end."""
    ask, _ = asking({"old": [None], "new": ["found"]})
    assert await first_answers(SERVERS, ask, limit_s=60, pause_s=60, head_start_s=60) == [("new", "found")]


async def test_one_that_failed_is_asked_again_while_another_is_silent() -> None:
    """It may begin to listen meanwhile."""
    ask, asked = asking({"new": [None, None, "found"]})
    assert await first_answers(SERVERS[:2], ask, limit_s=60, pause_s=0.01) == [("new", "found")]
    assert asked == {"old": 1, "new": 3}


async def test_nobody_answers() -> None:
    """Each has failed; or one is silent until the limit; or there is none."""
    ask, _ = asking({"old": [None] * 99, "new": [None] * 99})
    assert await first_answers(SERVERS[:2], ask, limit_s=60, pause_s=0.001) == []
    assert await first_answers(SERVERS, ask, limit_s=0.05, pause_s=0.01) == []
    assert await first_answers((), ask, limit_s=60, pause_s=0) == []


async def test_all_that_answered_in_the_same_moment() -> None:
    """So that the caller can close what the others opened."""
    ask, _ = asking({"old": ["one"], "new": ["two"]})
    found = await first_answers(SERVERS, ask, limit_s=60, pause_s=0)
    assert found in ([("old", "one")], [("old", "one"), ("new", "two")])


async def test_a_caller_that_is_cancelled() -> None:
    """Nobody is asked any more."""
    begun: list[str] = []
    ended: list[str] = []

    async def ask(server: str) -> None:
        begun.append(server)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(server)

    asking_all: asyncio.Task[Any] = asyncio.create_task(first_answers(SERVERS, ask, limit_s=60, pause_s=0))
    async with asyncio.timeout(60):
        while len(begun) < len(SERVERS):
            await asyncio.sleep(0)
    asking_all.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking_all
    assert sorted(ended) == sorted(SERVERS)
