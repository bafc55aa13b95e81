"""Lanes: one that takes nothing keeps what it is to write, and stops no other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from streams.ingest import lanes as module
from streams.ingest.lanes import Lane, Lanes, Version, WaitingDroppedError


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing for long."""
    for name in ("RETRY_SECONDS", "WAIT_S", "WAIT_FOR_ANY_S"):
        monkeypatch.setattr(module, name, 0.02)


class Partitions:
    """Partitions that are written to; `open` has those that answer, `errors` the error of others."""

    def __init__(self) -> None:
        self.written: list[tuple[int, list[bytes], bytes | None]] = []
        self.open = {0: asyncio.Event(), 1: asyncio.Event()}
        self.errors: dict[int, Exception] = {}
        for event in self.open.values():
            event.set()

    def lane(self, key: int) -> Lane:
        """Return the lane of a partition."""

        async def write(items: Sequence[bytes], closing: bytes | None) -> None:
            await self.open[key].wait()
            if key in self.errors:
                raise self.errors[key]
            self.written.append((key, list(items), closing))

        return Lane(f"partition {key}", write)


@pytest.fixture
def partitions() -> Partitions:
    """Return partitions that all answer."""
    return Partitions()


async def a_round(lanes: Lanes, number: int, **items: bytes) -> int:
    """Write these versions, which reach as far as the number, and the number to both lanes."""
    for key in (0, 1):
        lanes.put(key, {chunk: Version(number, value) for chunk, value in items.items()}, b"%d" % number)
    return await lanes.wait(0.02)


async def until_done(lanes: Lanes, number: int) -> None:
    """Wait until a round is written whole."""
    async with asyncio.timeout(10):
        while lanes.done < number:
            await asyncio.sleep(0.01)


async def test_a_round_ends_when_all_is_written(partitions: Partitions) -> None:
    """Items in order, and then what closes them."""
    lanes = Lanes(partitions.lane)
    assert (lanes.done, lanes.alive, await lanes.wait()) == (0, True, 1)
    assert await a_round(lanes, 2, a=b"1", b=b"2") == 2
    assert partitions.written == [(0, [b"1", b"2"], b"2"), (1, [b"1", b"2"], b"2")]
    assert (lanes.done, lanes.alive, lanes.trouble) == (2, True, "")


async def test_a_partition_that_does_not_answer_stops_no_other(partitions: Partitions) -> None:
    """What waits for it is replaced by newer versions, in the order of the first ones; so is the progress."""
    lanes = Lanes(partitions.lane)
    partitions.open[0].clear()
    await a_round(lanes, 1, a=b"a1")
    await a_round(lanes, 2, a=b"a2", b=b"b2")
    await a_round(lanes, 3, b=b"b3", c=b"c3")
    assert [closing for key, _, closing in partitions.written if key == 1] == [b"1", b"2", b"3"]
    assert (lanes.done, lanes.alive) == (0, True)
    partitions.open[0].set()
    await until_done(lanes, 3)
    assert [each[1:] for each in partitions.written if each[0] == 0] == [([b"a1"], b"1"), ([b"a2", b"b3", b"c3"], b"3")]


async def test_what_is_not_accepted_is_written_again(partitions: Partitions) -> None:
    """Together with what came meanwhile."""
    lanes = Lanes(partitions.lane)
    partitions.errors[0] = KafkaTimeoutError()
    await a_round(lanes, 1, a=b"a1", b=b"b1")
    await a_round(lanes, 2, a=b"a2", c=b"c2")
    assert lanes.done == 0
    del partitions.errors[0]
    await until_done(lanes, 2)
    assert [each[1:] for each in partitions.written if each[0] == 0] == [([b"a2", b"b1", b"c2"], b"2")]


async def test_what_is_counted_again_takes_no_place_of_what_reaches_further(partitions: Partitions) -> None:
    """A partition that comes back is counted from the commit, while versions of its later chunks still wait.

    Were the shorter one written before those, the join would ignore what the chunk has beyond it.
    """
    lanes = Lanes(partitions.lane)
    partitions.errors[0] = KafkaTimeoutError()
    lanes.put(0, {"chunk": Version(5, b"to 5"), "next": Version(6, b"to 6")}, b"1")
    await lanes.wait(0.02)
    lanes.put(0, {"chunk": Version(2, b"to 2")}, b"2")
    await lanes.wait(0.02)
    lanes.put(0, {"chunk": Version(3, b"to 3"), "next": Version(7, b"to 7")}, b"3")
    await lanes.wait(0.02)
    del partitions.errors[0]
    await until_done(lanes, 3)
    assert partitions.written == [(0, [b"to 5", b"to 7"], b"3")]


async def test_what_opens_items_is_written_before_them(partitions: Partitions) -> None:
    """By itself, also where it has to wait: each of several, and in order."""
    lanes = Lanes(partitions.lane)
    partitions.errors[0] = KafkaTimeoutError()
    lanes.put(0, {"a": Version(1, b"a1")}, b"1", b"first")
    await lanes.wait(0.02)
    lanes.put(0, {"b": Version(2, b"b1")}, b"2", b"second")
    await lanes.wait(0.02)
    assert partitions.written == []
    del partitions.errors[0]
    await until_done(lanes, 2)
    assert partitions.written == [(0, [], b"first"), (0, [], b"second"), (0, [b"a1", b"b1"], b"2")]


async def test_lanes_that_are_late_are_reported(partitions: Partitions, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, after a while. If all are late, nothing makes headway."""
    monkeypatch.setattr(module, "TROUBLED_S", 0.0)
    lanes = Lanes(partitions.lane)
    partitions.open[0].clear()
    await a_round(lanes, 1)
    assert (lanes.alive, lanes.trouble) == (True, "no records are accepted by partition 0 (0 s)")
    partitions.open[1].clear()
    await a_round(lanes, 2)
    assert not lanes.alive
    partitions.open[1].set()
    await a_round(lanes, 3)
    assert lanes.alive


async def test_lanes_that_are_all_behind_are_no_headway(partitions: Partitions) -> None:
    """Until they are reset."""
    lanes = Lanes(partitions.lane)
    partitions.open[0].clear()
    partitions.open[1].clear()
    await a_round(lanes, 1)
    await a_round(lanes, 2)
    assert not lanes.alive
    lanes.reset()
    assert lanes.alive


@pytest.mark.parametrize("error", [MessageSizeTooLargeError(), RuntimeError("a fault of ours")], ids=repr)
async def test_an_error_that_does_not_pass_ends_the_round(partitions: Partitions, error: Exception) -> None:
    """The caller counts again; after a reset all lanes are new."""
    lanes = Lanes(partitions.lane)
    partitions.errors[1] = error
    with pytest.raises(type(error)):
        await a_round(lanes, 1, a=b"1")
    lanes.reset()
    del partitions.errors[1]
    assert await a_round(lanes, 2, a=b"1") == lanes.done == 2


async def test_more_than_may_wait_is_dropped(partitions: Partitions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the lane writes nothing that stands on it, until it writes again: then all must be counted again."""
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    lanes = Lanes(partitions.lane)
    partitions.errors[0] = KafkaTimeoutError()
    await a_round(lanes, 1, a=b"a1")
    await a_round(lanes, 2, b=b"b1")
    await a_round(lanes, 3, c=b"c1")
    del partitions.errors[0]

    async def rounds() -> None:
        for number in range(4, 10_000):
            await a_round(lanes, number)
            await asyncio.sleep(0.001)  # the lane tries again after a while

    with pytest.raises(WaitingDroppedError):
        await rounds()
    written: list[Any] = [each[1:] for each in partitions.written if each[0] == 0]
    assert written == [([], None)]
