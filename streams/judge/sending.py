"""Sends what the judge publishes, beside the fold, each topic by itself.

A topic that refuses writes keeps back what is for it, and nothing else. Decisions and commands of a journal partition
must be accepted before a snapshot of it is written (`settle`): those that a snapshot holds are never published again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from connectors.kafka import clients
from connectors.kafka.stopping import stop_client
from connectors.signing.keys import keyring
from gates.decisions import Command, Decision
from streams.journal import encode_document
from streams.judge.outputs import FreezesStatus
from streams.runtime import failpoints
from streams.runtime.health import Pulse
from streams.runtime.letter_box import LetterBox
from streams.runtime.outbox import Bounds, Outbox
from streams.runtime.settings import Settings

DECISIONS: Final = Bounds()
NEWEST: Final = Bounds(newest=True)
"""Of commands and statuses the newest of a rollout suffices: it has the whole state, and older commands expire."""

LAST_SECONDS = 3.0
"""How long a judge that stops waits for each of its topics."""

FREEZES_KEY = b"\x00freezes/"
"""Begins the keys of the freezes on `gate-status`, one for each journal partition; no rollout can have this name."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that waits for its topic; `partition` is the journal partition that a decision comes from."""

    key: bytes
    value: bytes
    partition: int = -1


def size_of(message: Message) -> int:
    """The bytes of a message.

    >>> size_of(Message(b"checkout-v2", b"{}"))
    13
    """
    return len(message.key) + len(message.value)


class Sender:
    """Sends decisions and commands by another producer than what is less urgent; `letters` sends dead letters."""

    def __init__(self, settings: Settings, pulse: Pulse) -> None:
        self._settings = settings
        self._topics = names = settings.topics
        self._keyring = keyring(settings, "gate")
        self._decisions = Outbox(
            names.decisions, partial(self._send_signed, names.decisions), pulse, DECISIONS, size_of
        )
        self._commands = Outbox(names.commands, partial(self._send_signed, names.commands), pulse, NEWEST, size_of)
        self._statuses = Outbox(names.status, self._send_status, pulse, NEWEST, size_of)
        self.letters = LetterBox(settings, pulse)

    async def start(self) -> None:
        """Connect."""
        self._urgent, self._producer = clients.producer(self._settings), clients.producer(self._settings)
        await self._urgent.start()
        await self._producer.start()
        await self.letters.start()

    async def stop(self) -> None:
        """Send what is accepted soon, and disconnect."""
        outboxes = (self._decisions, self._commands, self._statuses)
        await asyncio.gather(*[each.stop(LAST_SECONDS) for each in outboxes], self.letters.stop())
        await asyncio.gather(*[stop_client(producer, LAST_SECONDS) for producer in (self._urgent, self._producer)])

    @property
    def full(self) -> bool:
        """Whether as many decisions or commands wait as may: then no more are made, since none is ever dropped."""
        return self._decisions.full or self._commands.full

    async def settle(self, partition: int, seconds: float) -> bool:
        """Wait until the decisions and commands of a journal partition are accepted; False if they are not."""
        settled = [
            await outbox.settle(seconds, among=lambda message: message.partition == partition)
            for outbox in (self._decisions, self._commands)
        ]
        await self.letters.settle()  # while they are accepted, none is lost by a crash; while not, nobody waits
        return all(settled)

    def release(self, partition: int, rollouts: Iterable[str]) -> None:
        """Another judge has the partition, and publishes what has not been accepted."""
        for name in rollouts:
            for outbox in (self._decisions, self._commands, self._statuses):
                outbox.forget(name)
        self._statuses.forget(_freezes_key(partition))

    def put_order(self, order: Decision | Command) -> None:
        """Send a decision, after those of its rollout; or a command, in place of one that waits."""
        decision = order.decision if isinstance(order, Command) else order
        message = Message(decision.rollout.encode(), encode_document(order.document()), decision.journal[0])
        (self._commands if isinstance(order, Command) else self._decisions).put(decision.rollout, message)

    def put_status(self, rollout: str, document: Mapping[str, object]) -> None:
        """Send a rollout's status, in place of one that waits."""
        self._statuses.put(rollout, Message(rollout.encode(), encode_document(document)))

    def put_freezes(self, status: FreezesStatus) -> None:
        """Send the freezes of a journal partition, in place of those that wait."""
        key = _freezes_key(status.partition)
        self._statuses.put(key, Message(key, encode_document(status.document)))

    def forget_status(self, rollout: str) -> None:
        """Send no status that waits: the rollout is not judged."""
        self._statuses.forget(rollout)

    async def _send_signed(self, topic: str, message: Message) -> None:
        headers = self._keyring.sign(topic, message.value)  # each time, because a signature has its time
        await self._urgent.send_and_wait(topic, message.value, key=message.key, headers=headers)
        if topic == self._topics.decisions:
            failpoints.reached("judge: decision published")

    async def _send_status(self, message: Message) -> None:
        await self._producer.send_and_wait(self._topics.status, message.value, key=message.key)


def _freezes_key(partition: int) -> bytes:
    return b"%b%d" % (FREEZES_KEY, partition)
