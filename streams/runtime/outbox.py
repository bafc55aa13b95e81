"""Messages that are sent beside the loop that makes them, each until its topic accepts it.

A topic that refuses writes, or does not answer, must not stop what a loop does for the others. So the loop puts a
message into the outbox of its topic and goes on, and the outbox tries again. Health and metrics show its trouble.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar

from aiokafka.errors import KafkaError

from streams.runtime import metrics
from streams.runtime.health import Pulse

RETRY_SECONDS = 1.0

SLOW_SECONDS = 5.0
"""A message that has no answer for this long is trouble. The client itself tries again for 40 s before it gives up."""

SETTLE_SECONDS = 0.005
"""How often to look whether messages are accepted, while somebody waits for it."""

log = logging.getLogger(__name__)

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an outbox keeps, and how many messages of a lane it sends at a time: 1 keeps their order.

    With `newest`, a lane keeps one message: a newer one takes its place.
    """

    messages: int = 10_000
    size: int = 32 * 1_048_576
    at_once: int = 1
    newest: bool = False


@dataclass(slots=True)
class _Lane(Generic[M]):
    """The messages of one key: those that wait, and those that are on their way."""

    waiting: deque[M] = field(default_factory=deque)
    sent: list[M] = field(default_factory=list)
    trouble: str = ""

    def messages(self) -> Iterator[M]:
        return chain(self.sent, self.waiting)


class Outbox(Generic[M]):
    """The messages to one topic. They are in lanes, by key: a lane waits for its first message, and for no other lane.

    `send` sends one message and ends when the topic has accepted it; `size` is the bytes of one.
    """

    def __init__(
        self,
        topic: str,
        send: Callable[[M], Awaitable[object]],
        pulse: Pulse,
        bounds: Bounds = Bounds(),
        size: Callable[[M], int] = lambda _: 0,
    ) -> None:
        self._topic = topic
        self._send = send
        self._pulse = pulse
        self._bounds = bounds
        self._size = size
        self._lanes: dict[Hashable, _Lane[M]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = [0, 0]  # messages and bytes

    def put(self, key: Hashable, message: M) -> None:
        """Send a message after those of its key. One that waits already, the same to the byte, is not sent twice."""
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes[key] = lane = _Lane()
            task = asyncio.get_running_loop().create_task(self._deliver(key, lane))
            self._tasks.add(task)  # else the loop has only a weak reference to it
            task.add_done_callback(self._tasks.discard)
        if self._bounds.newest:
            while lane.waiting:
                self._hold(lane.waiting.popleft(), -1)
        elif self._bounds.at_once == 1 and message in lane.messages():
            return
        lane.waiting.append(message)
        self._hold(message, 1)

    @property
    def full(self) -> bool:
        """Whether it has all that it may keep. `put` does not check this: only the caller can wait, or drop."""
        return self._held[0] >= self._bounds.messages or self._held[1] >= self._bounds.size

    @property
    def troubled(self) -> bool:
        """Whether the topic refuses a message, or does not answer."""
        return self._topic in self._pulse.topics

    def forget(self, key: Hashable) -> None:
        """Send no more messages of this key; one that is on its way may still arrive."""
        lane = self._lanes.pop(key, None)
        for message in () if lane is None else lane.messages():
            self._hold(message, -1)
        self._show()

    async def settle(self, seconds: float, *, among: Callable[[M], bool] = lambda _: True) -> bool:
        """Wait until all `among` these are accepted; False after this time, or at once if one of them is refused."""
        deadline = asyncio.get_running_loop().time() + seconds
        while lanes := [lane for lane in self._lanes.values() if any(map(among, lane.messages()))]:
            if any(lane.trouble for lane in lanes) or asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(SETTLE_SECONDS)
        return True

    async def stop(self, seconds: float) -> None:
        """Give the messages this time to be accepted, and give up the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        if self._held[0]:
            log.warning("%s has not accepted %d messages, which are given up", self._topic, self._held[0])
        for task in self._tasks:
            task.cancel()

    async def _deliver(self, key: Hashable, lane: _Lane[M]) -> None:
        while lane.waiting and self._lanes.get(key) is lane:
            lane.sent = [lane.waiting.popleft() for _ in range(min(len(lane.waiting), self._bounds.at_once))]
            accepted = await asyncio.gather(*[self._try(lane, message) for message in lane.sent])
            if self._lanes.get(key) is not lane:
                return  # forgotten meanwhile
            tried, lane.sent = lane.sent, []
            refused = [message for message, done in zip(tried, accepted, strict=True) if not done]
            for message in reversed(refused):
                if not (self._bounds.newest and lane.waiting):  # else there is a newer one
                    lane.waiting.appendleft(message)
                    self._hold(message, 1)
            for message in tried:
                self._hold(message, -1)
            if refused:
                await asyncio.sleep(RETRY_SECONDS)
            elif lane.trouble:
                lane.trouble = ""
                self._show()
        if self._lanes.get(key) is lane:
            del self._lanes[key]

    async def _try(self, lane: _Lane[M], message: M) -> bool:
        """Whether the message is done with: accepted, or such as nobody can send."""
        slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._be_troubled, lane, "it does not answer")
        try:
            await self._send(message)
        except (KafkaError, TimeoutError, OSError) as error:
            self._be_troubled(lane, type(error).__name__)
            return False
        except Exception:  # of any kind: it is this message's own, and would be the same each time
            log.exception("a message to %s cannot be sent", self._topic)
            metrics.UNPUBLISHED.inc()
        finally:
            slow.cancel()
        return True

    def _be_troubled(self, lane: _Lane[M], why: str) -> None:
        if lane.trouble != why:
            lane.trouble = why
            self._show()

    def _show(self) -> None:
        """Show the trouble of all lanes by health and metrics; in the log when it begins and when it ends."""
        kinds = sorted({lane.trouble for lane in self._lanes.values() if lane.trouble})
        metrics.WAITING.labels(self._topic).set(self._held[0] if kinds else 0)
        if kinds:
            why = f"{self._topic} does not accept messages ({', '.join(kinds)})"
            if not self.troubled:
                log.error("%s; they wait, are tried again each %g s, and the rest goes on", why, RETRY_SECONDS)
            self._pulse.topics[self._topic] = why
        elif self._pulse.topics.pop(self._topic, ""):
            log.info("%s accepts messages again", self._topic)

    def _hold(self, message: M, number: int) -> None:
        self._held[0] += number
        self._held[1] += number * self._size(message)
