"""Dead letters of one role, sent beside it: a topic that does not take them stops neither counting nor judging.

Too many of them are dropped, and counted: what they are about is still in its topic, and the metric of dead letters has
each of them. Holding the role back instead would let anyone stop it who writes what cannot be read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from aiokafka.errors import MessageSizeTooLargeError

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from connectors.kafka.stopping import stop_client
from streams.runtime import metrics
from streams.runtime.health import Pulse
from streams.runtime.log_limit import LogLimit
from streams.runtime.outbox import Bounds, Outbox
from streams.runtime.settings import Settings

BOUNDS = Bounds(messages=10_000, size=16 * 1_048_576, at_once=500)

SETTLE_SECONDS = 1.0
"""How long a role waits for letters to be accepted before it goes past what they are about."""

LAST_SECONDS = 3.0
"""How long a role that stops waits for its last letters."""

log = logging.getLogger(__name__)


class LetterBox:
    """Sends dead letters by a producer of its own, so that they are in no queue with other messages."""

    def __init__(self, settings: Settings, pulse: Pulse) -> None:
        self._settings = settings
        self._topic = settings.topics.dead_letters
        self._drops = LogLimit()
        self._outbox: Outbox[DeadLetter] = Outbox(self._topic, self._send, pulse, BOUNDS, size_of)

    async def start(self) -> None:
        """Connect."""
        self._producer = clients.producer(self._settings)
        await self._producer.start()

    async def stop(self) -> None:
        """Send what is accepted soon, and disconnect."""
        await self._outbox.stop(LAST_SECONDS)
        if not hasattr(self, "_producer"):
            return  # the start has failed before
        await stop_client(self._producer, LAST_SECONDS)

    def put(self, letters: Iterable[DeadLetter]) -> None:
        """Send these letters, or count them as dropped if too many wait."""
        dropped, last = 0, None
        for letter in letters:
            if self._outbox.full:
                dropped, last = dropped + 1, letter
            else:
                self._outbox.put(None, letter)
        if last is None:
            return
        metrics.DROPPED.labels(self._topic).inc(dropped)
        if number := self._drops.due("dropped", dropped):
            log.error(
                "too many dead letters wait: %d are dropped, the last of %s partition %d, offset %d, element %d (%s)",
                number,
                last.topic,
                last.partition,
                last.offset,
                last.index,
                last.reason,
            )

    async def settle(self) -> bool:
        """Wait a moment until all letters are accepted; False if they are not, at once where the topic refuses them."""
        return await self._outbox.settle(SETTLE_SECONDS)

    async def _send(self, letter: DeadLetter) -> None:
        """Send a letter; one that is refused for its size without its bytes, since its headers have their place."""
        try:
            await self._producer.send_and_wait(self._topic, letter.body(), key=letter.key, headers=letter.headers())
        except MessageSizeTooLargeError:
            await self._producer.send_and_wait(self._topic, b"", headers=letter.without_bytes().headers())


def size_of(letter: DeadLetter) -> int:
    """About the bytes that a letter takes in memory.

    >>> size_of(DeadLetter("t", 0, 0, 0, "bad_json", "what", b"key", b"{")) > 8
    True
    """
    return len(letter.value) + len(letter.key or b"") + len(letter.detail) + 200
