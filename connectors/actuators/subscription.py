"""An actuator's subscription to the gate: what is wanted now, then each change, each answered by an ack.

Level-triggered, without a consumer group: on each (re)start both topics are read to their end, the newest order of each
rollout is carried out, and from there on whatever comes. So an actuator that was away for a week does one thing.
Rollouts are independent: one that hangs holds no other up; and an apply that hangs gives way to a rollback.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from connectors.actuators.actuator import Actuator
from connectors.actuators.executor import APPLY_TIMEOUT_S, Executor
from connectors.actuators.orders import REFUSED, VOID, Orders
from connectors.actuators.wanted import Wanted
from connectors.kafka.acl import AccessError, Needs, require
from connectors.kafka.clients import KafkaSettings, consumer, producer
from connectors.kafka.probe import reach
from connectors.kafka.topic_reader import TopicsMissingError, partitions_of, to_end
from connectors.kafka.topics import TopicNames
from connectors.signing.keys import keyring
from connectors.signing.signatures import Headers, Keyring
from gates.decisions import Action

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 15.0
"""Between attempts to reach the broker; doubled after each that failed."""
GRACE_S: Final = 5.0
"""How long what is being applied may go on after the stop."""
POLL_MS: Final = 500
MOST_WAITING: Final = 100
"""Orders of one rollout that wait while another is applied; of more the oldest is forgotten, as void as it is."""

Clock = Callable[[], int]
Signer = Callable[[bytes], Headers]

_log = logging.getLogger(__name__)


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - an actuator's own clock: it may run without streams


async def run(
    actuator: Actuator,
    settings: KafkaSettings | None = None,
    *,
    rollouts: Collection[str] | None = None,
    stop: asyncio.Event | None = None,
    clock: Clock = wall_ms,
    timeout_s: float = APPLY_TIMEOUT_S,
) -> None:
    """Carry out the gate's decisions by `actuator` until `stop` is set (None: until cancelled).

    `settings` are by default those of the environment (`SLUICEGATE_*`); `rollouts` names those to obey (None: all).
    `clock` gives milliseconds since the epoch; `timeout_s` bounds one apply, in seconds. A broker that is away, or
    topics that do not exist yet, are waited for. When stopped, what is being applied has five seconds to end. Where
    keys are configured, only what the gate signed is obeyed, and acks are signed.

    Raises:
        KeysError: the keys cannot be used.
    """
    settings = KafkaSettings.model_validate({}) if settings is None else settings
    keys = keyring(settings, "actuator")
    if keys.warning is not None:
        _log.warning("%s: %s", actuator.name, keys.warning)
    executor, orders = Executor(actuator, clock, timeout_s=timeout_s), Orders(keys, rollouts, clock)
    obeying = asyncio.create_task(_obey(executor, settings, orders, _ack_signer(keys, settings, clock)))
    stopping = asyncio.create_task((stop or asyncio.Event()).wait())
    try:
        await asyncio.wait({obeying, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if obeying.done():
            obeying.result()  # it ends only by raising: a bug
    finally:
        for task in (obeying, stopping):
            task.cancel()
        await asyncio.gather(obeying, stopping, return_exceptions=True)


def serve(
    actuator: Actuator,
    settings: KafkaSettings | None = None,
    *,
    rollouts: Collection[str] | None = None,
    clock: Clock = wall_ms,
    timeout_s: float = APPLY_TIMEOUT_S,
) -> None:
    """`run`, blocking, until SIGINT or SIGTERM; then return, so that a program that only does this exits with 0.

    For the main thread of a program on a POSIX system; elsewhere use `run`.
    """

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(actuator, settings, rollouts=rollouts, stop=stop, clock=clock, timeout_s=timeout_s)

    asyncio.run(until_signalled())


def _ack_signer(keys: Keyring, settings: KafkaSettings, clock: Clock) -> Signer:
    """What signs acks, for as long as they may be on their way."""
    return lambda ack: keys.sign(settings.topics.acks, ack, expires_at=clock() + settings.signature_valid_ms)


async def _obey(executor: Executor, settings: KafkaSettings, orders: Orders, sign: Signer) -> None:
    """Subscribe, and again after each failure, for ever."""
    wait_s = FIRST_WAIT_S
    now = asyncio.get_running_loop().time
    while True:
        began = now()
        try:
            async with _clients(settings) as (source, sink):
                await _follow(source, orders, _Desk(executor, sink, settings.topics, sign))
        except (KafkaError, AccessError, TopicsMissingError, OSError) as error:  # TimeoutError is an OSError
            wait_s = FIRST_WAIT_S if now() - began > LONGEST_WAIT_S else wait_s  # it worked for a while
            what = str(error) or type(error).__name__
            _log.warning("cannot read %s: %s; trying again in %g s", settings.bootstrap, what, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


@contextlib.asynccontextmanager
async def _clients(settings: KafkaSettings) -> AsyncIterator[tuple[AIOKafkaConsumer, AIOKafkaProducer]]:
    """A consumer of all that the gate orders, and a producer of acks."""
    topics = settings.topics
    await reach(settings)
    await require(settings, Needs(read=(topics.decisions, topics.commands), write=(topics.acks,)))
    found = await partitions_of(settings, topics.decisions, topics.commands, topics.acks)
    async with contextlib.AsyncExitStack() as stack:
        source, sink = consumer(settings), producer(settings, linger_ms=0)
        for client in (source, sink):
            stack.push_async_callback(client.stop)  # also where the start fails
            await client.start()
        source.assign([one for one in found if one.topic != topics.acks])
        yield source, sink


async def _follow(source: AIOKafkaConsumer, orders: Orders, idle_desk: _Desk) -> None:
    """Carry out the newest of each rollout, then all that comes; returns when the topics' partitions changed."""
    assigned: frozenset[TopicPartition] = source.assignment()
    async with idle_desk as desk:
        newest: dict[str, Wanted] = {}
        async for record in to_end(source):
            wanted = orders.read(record)
            if wanted is not None and _rank(wanted) >= _rank(newest.get(wanted.rollout, wanted)):
                newest[wanted.rollout] = wanted
        for wanted in newest.values():
            desk.take(wanted)
        _log.info("following the gate: %d rollouts known", len(newest))
        while _partitions(source, assigned) == assigned:
            batches = await source.getmany(timeout_ms=POLL_MS)
            for records in batches.values():
                for record in records:
                    wanted = orders.read(record)
                    if wanted is not None:
                        desk.take(wanted)
            desk.raise_bugs()
        _log.info("the partitions of the gate's topics changed: reading them anew")


def _partitions(source: AIOKafkaConsumer, assigned: frozenset[TopicPartition]) -> frozenset[TopicPartition]:
    """Partitions of the assigned topics as now known, never fewer than before (metadata may be missing for a while)."""
    topics = {one.topic for one in assigned}
    known = {TopicPartition(topic, number) for topic in topics for number in source.partitions_for_topic(topic) or ()}
    return assigned | known


def _rank(wanted: Wanted) -> tuple[int, int, bool]:
    """Of two orders the newer is greater; of a decision and its command the decision, which does not expire."""
    return (*wanted.token, wanted.expires_at is None)


class _Desk:
    """Hands orders to the executor, one at a time for each rollout and the newest first, and sends the acks."""

    def __init__(self, executor: Executor, sink: AIOKafkaProducer, topics: TopicNames, sign: Signer) -> None:
        self._executor = executor
        self._sink = sink
        self._topics = topics
        self._sign = sign
        self._waiting: dict[str, list[Wanted]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> _Desk:
        return self

    async def __aexit__(self, *_unused: object) -> None:
        """Let what is being applied end; after the grace, cancel it."""
        for waiting in self._waiting.values():
            waiting.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take(self, wanted: Wanted) -> None:
        """Have an order carried out as soon as its rollout's turn comes."""
        busy = wanted.rollout in self._waiting
        waiting = self._waiting.setdefault(wanted.rollout, [])
        waiting.append(wanted)
        if len(waiting) > MOST_WAITING:
            waiting.remove(min(waiting, key=_rank))
        if not busy:
            self._tasks.add(asyncio.create_task(self._work(wanted.rollout)))
        elif wanted.action is Action.ROLLBACK:
            self._executor.make_way(wanted)

    def raise_bugs(self) -> None:
        """Raise what a finished task raised."""
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.discard(task)
            task.result()

    async def _work(self, rollout: str) -> None:
        waiting = self._waiting[rollout]
        try:
            while waiting:
                waiting.sort(key=_rank)
                await self._carry_out(waiting.pop())
        finally:
            del self._waiting[rollout]

    async def _carry_out(self, wanted: Wanted) -> None:
        ack = await self._executor.carry_out(wanted)
        if ack.status in VOID:
            topic = self._topics.decisions if wanted.expires_at is None else self._topics.commands
            REFUSED.labels(topic, VOID[ack.status]).inc()
        value, key = ack.encoded(), wanted.rollout.encode()
        try:
            await self._sink.send_and_wait(self._topics.acks, value, key=key, headers=self._sign(value))
        except KafkaError as error:
            _log.warning("could not acknowledge %s (%s): the gate will order it again", wanted.id, error)
            return
        _log.debug("%s: %s", wanted.id, ack.status)
