"""Lanes: what ingest writes, for each partition of the journal on its own. One that takes nothing stops no other.

What a lane cannot write waits in it. Versions of a chunk are cumulative, so one that reaches further takes the place of
one that waits, and of the progress only the newest waits: an outage of one partition needs little memory.

A source partition may be lost and given back meanwhile, and is then counted again from the commit. A version of that
reaches less far at first than the one that waits: it must not take its place, since versions of later chunks wait too,
and the join ignores what comes after them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka.errors import BrokerResponseError, KafkaError

RETRY_SECONDS: Final = 1.0

WAIT_S: Final = 1.0
"""How long ingest waits for a lane that was up to date. After that it goes on without it."""

WAIT_FOR_ANY_S: Final = 10.0
"""How long ingest waits while no lane is up to date: Kafka is away, and reading on would only fill the memory."""

TROUBLED_S: Final = 30.0
"""Seconds after which a lane that is not up to date is reported in /healthz: an election of a leader takes some ten."""

MOST_WAITING: Final = 64 * 1_048_576
"""Bytes that may wait in a lane. Beyond that all of it is dropped, and counted again once the lane writes again."""

log = logging.getLogger(__name__)


class WaitingDroppedError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped
    """A lane has dropped what waited in it, and writes again: all since the commit has to be counted again."""


def is_permanent(error: KafkaError) -> bool:
    """Whether a broker has answered, and will answer the same until someone changes something."""
    return isinstance(error, BrokerResponseError) and not error.retriable


class Version(NamedTuple):
    """A version of a chunk, encoded, and the offset that it reaches up to."""

    upto: int
    value: bytes


Versions = Mapping[Hashable, Version]
"""Versions by the chunk that they are of."""


@dataclass(slots=True)
class _Waiting:
    """What a lane is still to write, and the number of the last `put`."""

    openings: list[bytes] = field(default_factory=list)
    items: dict[Hashable, Version] = field(default_factory=dict)
    closing: bytes | None = None
    number: int = 0


class Lane:
    """Writes what opens versions, the versions, and what closes them, in order; tries again what Kafka does not accept.

    `write` raises KafkaError unless everything is acknowledged. `done` is the number of the last `put` that was written
    whole. `error` ended the lane: it will not pass by itself.
    """

    def __init__(self, name: str, write: Callable[[Sequence[bytes], bytes | None], Awaitable[None]]) -> None:
        self.name = name
        self.done = 0
        self.error: Exception | None = None
        self.task: asyncio.Task[None] | None = None
        self._write = write
        self._waiting = _Waiting()
        self._dropped = False
        self._behind_since = 0.0

    @property
    def behind(self) -> float:
        """Seconds for which it has not been up to date."""
        return time.monotonic() - self._behind_since if self._waiting.number > self.done else 0.0

    def put(self, number: int, items: Versions, closing: bytes | None, opening: bytes | None = None) -> None:
        """Write `opening`, if there is one, these versions, and `closing`, which takes the place of one that waits."""
        if opening is not None:
            self._waiting.openings.append(opening)
        if self._waiting.number == self.done:
            self._behind_since = time.monotonic()
        self._waiting.number, self._waiting.closing = number, closing
        self._waiting.items = _furthest(self._waiting.items, items)
        self._bound()
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())

    def skip(self, number: int) -> None:
        """Nothing is to be written for this number."""
        if self._waiting.number == self.done:
            self.done = number
        self._waiting.number = max(self._waiting.number, number)

    def stop(self) -> None:
        """Write nothing any more."""
        if self.task is not None:
            self.task.cancel()

    def _bound(self) -> None:
        if not self._dropped and sum(len(each.value) for each in self._waiting.items.values()) > MOST_WAITING:
            log.error(
                "%s: more than %d bytes wait, so they are dropped until it is written to", self.name, MOST_WAITING
            )
            self._dropped = True
        if self._dropped:
            self._waiting.items.clear()

    async def _run(self) -> None:
        while self._waiting.number > self.done and self.error is None:
            number, items, closing = self._waiting.number, self._waiting.items, self._waiting.closing
            self._waiting.items = {}
            try:
                openings = self._waiting.openings
                while openings:
                    await self._write([], openings[0])
                    del openings[0]
                # What closes the items is only true after all of them. Without it the lane finds out whether it writes.
                await self._write([each.value for each in items.values()], None if self._dropped else closing)
            except KafkaError as error:
                self._waiting.items = _furthest(items, self._waiting.items)
                self._bound()
                if is_permanent(error):
                    self.error = error
                    return
                log.warning("%s takes no records, trying again in %g s: %s", self.name, RETRY_SECONDS, error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:
                self.error = error
                return
            else:
                self.done = number
                if self._dropped:
                    self.error = WaitingDroppedError(f"{self.name} is written to again, after its records were dropped")


class Lanes:
    """The lanes of one worker, each with a key by which `make` makes it."""

    def __init__(self, make: Callable[[int], Lane]) -> None:
        self._make = make
        self._lanes: dict[int, Lane] = {}
        self._number = 0

    def put(self, key: int, items: Versions, closing: bytes | None, opening: bytes | None = None) -> None:
        """Write to a lane, as part of the round that `wait` ends."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._make(key)
            lane.skip(self._number)
        lane.put(self._number + 1, items, closing, opening)

    async def wait(self, seconds: float = WAIT_S) -> int:
        """End the round: wait for the lanes that were up to date before, and return its number.

        Raises:
            Exception: a lane cannot go on, mostly by a KafkaError.
        """
        self._number += 1
        for lane in self._lanes.values():
            lane.skip(self._number)
        running = [lane for lane in self._lanes.values() if lane.task is not None]
        fresh = [lane for lane in running if lane.done >= self._number - 1]
        late = [lane.task for lane in running if lane.task and lane not in fresh]
        if fresh:
            await asyncio.wait([lane.task for lane in fresh if lane.task], timeout=seconds)
        if late and len(late) == len(self._lanes):
            await asyncio.wait(late, timeout=WAIT_FOR_ANY_S, return_when=asyncio.FIRST_COMPLETED)
        for lane in self._lanes.values():
            if lane.error is not None:
                raise lane.error
        return self._number

    @property
    def done(self) -> int:
        """The last round that is written whole."""
        return min((lane.done for lane in self._lanes.values()), default=self._number)

    @property
    def alive(self) -> bool:
        """Whether a lane is up to date, or none was ever written to."""
        return not self._lanes or any(not lane.behind for lane in self._lanes.values())

    @property
    def trouble(self) -> str:
        """The lanes that have not been up to date for a while."""
        late = [f"{lane.name} ({lane.behind:.0f} s)" for lane in self._lanes.values() if lane.behind > TROUBLED_S]
        return f"no records are accepted by {', '.join(late)}" if late else ""

    def reset(self) -> None:
        """Drop what waits in the lanes."""
        for lane in self._lanes.values():
            lane.stop()
        self._lanes.clear()


def _furthest(before: Versions, after: Versions) -> dict[Hashable, Version]:
    """Return the chunks in the order in which they came, each with the version that reaches furthest."""
    found = dict(before)
    for chunk, version in after.items():
        if chunk not in found or version.upto >= found[chunk].upto:
            found[chunk] = version
    return found
