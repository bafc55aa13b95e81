"""Chains: work of one key in order, and no other key waits for long."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from streams.sequencer import chains as module
from streams.sequencer.chains import Chains


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing for long."""
    monkeypatch.setattr(module, "WAIT_S", 0.02)


async def test_work_that_takes_long_holds_up_its_own_key_only() -> None:
    """What comes after it is done in order, once it is done."""
    chains, opened, done = Chains(), asyncio.Event(), list[str]()

    async def work(name: str) -> None:
        if name.startswith("slow"):
            await opened.wait()
        done.append(name)

    slow = [await chains.run("a", partial(work, name)) for name in ("slow 1", "2", "slow 3")]
    quick = await chains.run("b", lambda: work("other"))
    assert (quick.done(), done) == (True, ["other"])
    opened.set()
    await asyncio.wait(slow)
    assert done == ["other", "slow 1", "2", "slow 3"]
    await chains.run("a", lambda: work("4"))
    assert (done[-1], chains._last, chains._unfinished) == ("4", {}, set())


async def test_a_work_that_failed_does_not_stop_the_next() -> None:
    """Its error is that of its task."""
    chains = Chains()

    async def fail() -> None:
        raise TypeError("a fault of ours")

    async def succeed() -> None:
        await asyncio.sleep(0)

    failed = await chains.run("a", fail)
    assert isinstance(failed.exception(), TypeError)
    assert (await chains.run("a", succeed)).exception() is None


async def test_not_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next work of any key waits until one is done."""
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    chains, opened = Chains(), asyncio.Event()
    for key in ("a", "b"):
        await chains.run(key, opened.wait)  # type: ignore[arg-type]
    third = asyncio.create_task(chains.run("c", opened.wait))  # type: ignore[arg-type]
    done, _ = await asyncio.wait([third], timeout=0.1)
    assert not done
    opened.set()
    await third
