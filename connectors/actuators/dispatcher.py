"""Queues orders for each rollout, has them carried out, and sends the acks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.actuators.executor import AckMessage, Executor
from connectors.actuators.orders import REFUSED, VOID
from connectors.actuators.wanted import Wanted
from connectors.kafka.topics import TopicNames
from connectors.signing.signatures import Headers
from gates.decisions import Action

GRACE_S: Final = 5.0
"""How long an apply that is running may go on after the stop."""
MOST_WAITING: Final = 100
"""Orders of one rollout that wait while another is applied. Beyond that the oldest is dropped: a newer one replaces it
anyway."""

Signer = Callable[[bytes], Headers]

_log = logging.getLogger(__name__)


def rank(wanted: Wanted) -> tuple[int, int, bool]:
    """A key to compare orders by: the newer is greater, and of a decision and its command the decision.

    The decision does not expire, so an actuator that is late still carries out a rollback.
    """
    return (*wanted.token, wanted.expires_at is None)


class Dispatcher:
    """Gives orders to the executor, for each rollout one at a time and the newest first, and sends the acks."""

    def __init__(self, executor: Executor, sink: AIOKafkaProducer, topics: TopicNames, sign: Signer) -> None:
        self._executor = executor
        self._sink = sink
        self._topics = topics
        self._sign = sign
        self._waiting: dict[str, list[Wanted]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Dispatcher:
        return self

    async def __aexit__(self, *_unused: object) -> None:
        """Let the orders that are being applied end; after the grace period, cancel them."""
        for waiting in self._waiting.values():
            waiting.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def dispatch(self, wanted: Wanted) -> None:
        """Queue an order; it is carried out as soon as the executor is free for its rollout."""
        busy = wanted.rollout in self._waiting
        waiting = self._waiting.setdefault(wanted.rollout, [])
        waiting.append(wanted)
        if len(waiting) > MOST_WAITING:
            waiting.remove(min(waiting, key=rank))
        if not busy:
            self._tasks.add(asyncio.create_task(self._work(wanted.rollout)))
        elif wanted.action is Action.ROLLBACK:
            self._executor.interrupt_for(wanted)  # a rollback must not wait for an apply that hangs

    def check(self) -> None:
        """For each rollout without an order to carry out: try a failed one again, or look at its weights."""
        for rollout in self._executor.checkable() - self._waiting.keys():
            self._waiting[rollout] = []
            self._tasks.add(asyncio.create_task(self._work(rollout, check=True)))

    @property
    def unapplied(self) -> str:
        """The newest orders that are not in force, and why, for health."""
        return str(self._executor.unapplied)

    def raise_bugs(self) -> None:
        """Raise the exception of a task that ended with one: the executor raises only on a bug."""
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.discard(task)
            task.result()

    async def _work(self, rollout: str, *, check: bool = False) -> None:
        waiting = self._waiting[rollout]
        try:
            ack = await self._executor.check(rollout) if check else None
            if ack is not None:
                await self._send(ack)
            while waiting:
                waiting.sort(key=rank)
                await self._carry_out(waiting.pop())
        finally:
            del self._waiting[rollout]

    async def _carry_out(self, wanted: Wanted) -> None:
        ack = await self._executor.carry_out(wanted)
        if ack.status in VOID:
            topic = self._topics.decisions if wanted.expires_at is None else self._topics.commands
            REFUSED.labels(topic, VOID[ack.status]).inc()
        await self._send(ack)

    async def _send(self, ack: AckMessage) -> None:
        value, key = ack.encoded(), ack.rollout.encode()
        try:
            await self._sink.send_and_wait(self._topics.acks, value, key=key, headers=self._sign(value))
        except KafkaError as error:
            _log.warning("cannot send the ack of %s (%s); the gate will order it again", ack.id, error)
            return
        _log.debug("%s: %s", ack.id, ack.status)
