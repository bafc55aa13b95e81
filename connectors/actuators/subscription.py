"""An actuator's subscription to the gate: first the state ordered now, then each change. Each order gets an ack.

It is level-triggered and has no consumer group. On each start both topics are read to their end and only the newest
order of each rollout is carried out, so an actuator that was away for a week applies one order per rollout. Rollouts
are independent: one whose apply hangs delays no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from connectors.actuators.actuator import Actuator
from connectors.actuators.dispatcher import Dispatcher, Signer, rank
from connectors.actuators.executor import APPLY_TIMEOUT_S, Executor, OnDeviation
from connectors.actuators.orders import Orders
from connectors.actuators.wanted import Wanted
from connectors.error_text import text_of
from connectors.kafka.acl import AccessError, Needs, require
from connectors.kafka.clients import KafkaSettings, consumer, producer
from connectors.kafka.consumer_progress import unanswered
from connectors.kafka.private_aiokafka import leaderless
from connectors.kafka.probe import reach
from connectors.kafka.stopping import stop_client
from connectors.kafka.topic_reader import TopicsMissingError, partitions_now, partitions_of, to_end
from connectors.kafka.topic_watch import TopicWatch
from connectors.signing.keys import keyring
from connectors.signing.signatures import Keyring

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 15.0
"""The pause between attempts to reach the broker doubles after each failure, from the first value to the longest."""
POLL_MS: Final = 500
CHECK_S: Final = 5.0
"""How often the weights in force are looked at, and failed orders tried again."""
UNANSWERED_MS: Final = 10_000.0
"""A partition whose fetches are not answered for this long is reported."""
SILENT_POLLS: Final = 10
"""After as many polls without an answer for any partition, new clients are made. A single one proves nothing: a process
that was suspended has only old answers when it continues."""

Clock = Callable[[], int]

_log = logging.getLogger(__name__)


class Pulse(Protocol):
    """The state of a subscription, for a health page: whether it has begun, makes headway, and lacks a partition.

    `unapplied` has the newest orders that are not in force, and why.
    """

    ready: bool
    trouble: str
    unapplied: str

    def beat(self) -> None:
        """Record headway: Kafka answered."""


class _NoPulse:
    ready = False
    trouble = ""
    unapplied = ""

    def beat(self) -> None:
        """Nobody watches."""


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
    on_deviation: OnDeviation = "restore",
    pulse: Pulse | None = None,
) -> None:
    """Carry out the gate's decisions with `actuator` until `stop` is set (None: until cancelled).

    `settings` are by default those of the environment (`SLUICEGATE_*`); `rollouts` are those to obey (None: all).
    `clock` returns milliseconds since the epoch; `timeout_s` bounds one apply, in seconds. If the broker is away or
    topics do not exist yet, this waits for them. After the stop, an apply that is running has five seconds to end. If
    keys are configured, only orders that the gate signed are obeyed, and acks are signed. `on_deviation` is what to do
    where an actuator that `Observes` finds other weights than it has applied: apply them again, or only report it.
    `pulse` gets the state of the subscription.

    Raises:
        KeysError: the keys cannot be used.
    """
    settings = KafkaSettings.model_validate({}) if settings is None else settings
    keys = keyring(settings, "actuator")
    if keys.warning is not None:
        _log.warning("%s: %s", actuator.name, keys.warning)
    executor = Executor(actuator, clock, timeout_s=timeout_s, on_deviation=on_deviation)
    orders, sign = Orders(keys, rollouts, clock), _ack_signer(keys, settings, clock)
    obeying = asyncio.create_task(_obey(executor, settings, orders, sign, pulse or _NoPulse()))
    stopping = asyncio.create_task((stop or asyncio.Event()).wait())
    try:
        await asyncio.wait({obeying, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if obeying.done():
            obeying.result()  # it ends only by raising, which is a bug
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
    on_deviation: OnDeviation = "restore",
    pulse: Pulse | None = None,
) -> None:
    """Block in `run` until SIGINT or SIGTERM, then return, so that a program that only does this exits with 0.

    Only for the main thread of a program on a POSIX system; elsewhere use `run`.
    """

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(
            actuator,
            settings,
            rollouts=rollouts,
            stop=stop,
            clock=clock,
            timeout_s=timeout_s,
            on_deviation=on_deviation,
            pulse=pulse,
        )

    asyncio.run(until_signalled())


def _ack_signer(keys: Keyring, settings: KafkaSettings, clock: Clock) -> Signer:
    """A function that signs acks, each valid for the time that the settings allow."""
    return lambda ack: keys.sign(settings.topics.acks, ack, expires_at=clock() + settings.signature_valid_ms)


async def _obey(executor: Executor, settings: KafkaSettings, orders: Orders, sign: Signer, pulse: Pulse) -> None:
    """Subscribe, and subscribe again after each failure, without end."""
    wait_s = FIRST_WAIT_S
    now = asyncio.get_running_loop().time
    while True:
        began = now()
        try:
            async with _clients(settings) as (source, sink, watch):
                await _follow(source, watch, orders, Dispatcher(executor, sink, settings.topics, sign), pulse)
        except (KafkaError, AccessError, TopicsMissingError, OSError) as error:  # TimeoutError is an OSError
            pulse.ready = False
            if isinstance(error, AccessError | TopicsMissingError):
                pulse.beat()  # Kafka answered: a restart would not help
            wait_s = FIRST_WAIT_S if now() - began > LONGEST_WAIT_S else wait_s  # it had worked for a while
            pulse.trouble = f"no orders are read: {type(error).__name__}"
            _log.warning("cannot read %s: %s; trying again in %g s", settings.bootstrap, text_of(error), wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


@contextlib.asynccontextmanager
async def _clients(settings: KafkaSettings) -> AsyncIterator[tuple[AIOKafkaConsumer, AIOKafkaProducer, TopicWatch]]:
    """A consumer of the gate's orders, a producer of acks, and a watch over the topics of orders, all started."""
    topics = settings.topics
    await reach(settings)
    await require(settings, Needs(read=(topics.decisions, topics.commands), write=(topics.acks,)))
    found = await partitions_of(settings, topics.decisions, topics.commands, topics.acks)
    async with contextlib.AsyncExitStack() as stack:
        source, sink = consumer(settings), producer(settings, linger_ms=0)
        watch = TopicWatch(settings, topics.decisions, topics.commands)
        for client in (watch, source, sink):  # the watch first: what is read later is of its topics, or of newer ones
            stack.push_async_callback(stop_client, client)  # first, so that it is also stopped if its start fails
            await client.start()
        source.assign([one for one in found if one.topic != topics.acks])
        yield source, sink, watch


async def _follow(source: AIOKafkaConsumer, watch: TopicWatch, orders: Orders, idle: Dispatcher, pulse: Pulse) -> None:
    """Carry out the newest order of each rollout, then each new one; return when the topics have to be read again.

    They have, when partitions were added, and when one was deleted and made again: a new one has its first orders at
    offsets that were read in the old one, and nothing else shows that they are there.

    Raises:
        TimeoutError: no broker answers.
    """
    assigned: frozenset[TopicPartition] = source.assignment()
    async with idle as dispatcher:
        newest: dict[str, Wanted] = {}
        async for record in to_end(source, leave_stalled=True):  # orders of the other partitions must not wait for it
            pulse.beat()
            wanted = orders.read(record)
            if wanted is not None and rank(wanted) >= rank(newest.get(wanted.rollout, wanted)):
                newest[wanted.rollout] = wanted
        for wanted in newest.values():
            dispatcher.dispatch(wanted)
        _log.info("subscribed to the gate: orders of %d rollouts found", len(newest))
        pulse.ready, pulse.trouble = True, ""
        silence, checked_at = _Silence(source, pulse), time.monotonic()
        while _partitions(source, assigned) == assigned and not await watch.made_again(fetched=False):
            batches = await source.getmany(timeout_ms=POLL_MS)
            for records in batches.values():
                for record in records:
                    wanted = orders.read(record)
                    if wanted is not None:
                        dispatcher.dispatch(wanted)
            silence.check()
            if time.monotonic() - checked_at >= CHECK_S:
                dispatcher.check()
                checked_at = time.monotonic()
            dispatcher.raise_bugs()
            pulse.unapplied = dispatcher.unapplied
        _log.info("the gate's topics changed; reading them again")


class _Silence:
    """Whether Kafka answers. As long as it does for one partition, the actuator goes on with what it can read."""

    def __init__(self, source: AIOKafkaConsumer, pulse: Pulse) -> None:
        self._source = source
        self._pulse = pulse
        self._polls = 0

    def check(self) -> None:
        """Call this after each poll.

        Raises:
            TimeoutError: no partition has been answered for a while.
        """
        late = unanswered(self._source, UNANSWERED_MS)
        if late < self._source.assignment():
            self._polls = 0
            self._pulse.beat()
            lacking = late | leaderless(self._source)
            names = ", ".join(sorted(f"{one.topic}[{one.partition}]" for one in lacking))
            self._pulse.trouble = f"Kafka does not answer for {names}" if lacking else ""
            return
        self._polls += 1
        if self._polls >= SILENT_POLLS:
            raise TimeoutError("no broker answers any more")


def _partitions(source: AIOKafkaConsumer, assigned: frozenset[TopicPartition]) -> frozenset[TopicPartition]:
    """The partitions of the assigned topics now; never fewer than before, since metadata may be missing for a while."""
    return assigned | partitions_now(source, {one.topic for one in assigned})
