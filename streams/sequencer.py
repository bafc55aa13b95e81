"""The sequencer: what operators and actuators say, verified, checked and appended to the journal.

Three Faust agents, one a topic. An exception in an agent would lose the message, so each catches, dead-letters and goes
on, and sends what Kafka does not take until it does. Repeats (Faust delivers at least once) carry the same origin, by
which the judge drops them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import faust
import msgspec
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError
from mode import Service
from msgspec.structs import replace

from connectors.dead_letters import DeadLetter
from connectors.kafka import clients
from connectors.kafka.faust_consumer import FaustProgress
from connectors.signing.keys import keyring
from connectors.signing.signatures import Role, Seal, SignatureError
from gates.policy import Policy, PolicyError
from streams.clock import wall_ms
from streams.journal import Ack, Control, Origin, Progress, Signed, Spoken, Start, encode
from streams.runtime import failpoints, metrics
from streams.runtime.health import LONGEST_UNANSWERED_MS, Health
from streams.runtime.settings import Settings

log = logging.getLogger(__name__)

CLOCK_SECONDS = 1.0
RETRY_SECONDS = 1.0
LARGEST_SPOKEN = 512 * 1024
"""Bytes of what an operator or actuator says; the journal would take no more than 1 MB of Faust's producer."""
LARGEST_JOURNALED = 900_000
"""Bytes of its record with the key, in which numbers may be longer (1e15): Kafka would never take what is too large."""
MOST_FAULTS = 20
"""Faults of a policy that a dead letter tells; the rest is counted."""
RAW: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
Kind = type[Start] | type[Control] | type[Ack]
SPEAKERS: dict[Kind, Role] = {Start: "operator", Control: "operator", Ack: "actuator"}


class RefusedError(ValueError):
    """A message that says nothing a rollout could act on; `reason` is a machine word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read_spoken(kind: Kind, value: bytes | None) -> Spoken:
    """The message of this kind in a value.

    Raises:
        RefusedError: it is malformed, or a policy with faults (of which the message names the first).
    """
    try:
        said = msgspec.json.decode(value or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError("bad_message", str(error)) from error
    if isinstance(said, Start):
        try:
            policy = Policy.parse(said.policy)
        except PolicyError as error:
            raise RefusedError("bad_policy", _told(error)) from error
        if policy.rollout != said.rollout:
            raise RefusedError("bad_policy", f"the policy is for {policy.rollout}, the message for {said.rollout}")
    return said


class Clock(Service):
    """Says in every journal partition what time it is, so that silence is noticed even when nobody ingests."""

    def __init__(self, settings: Settings, health: Health, app: faust.App, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._pulse = health.pulse("sequencer")
        self._faust = FaustProgress(app, LONGEST_UNANSWERED_MS)

    async def on_start(self) -> None:
        """Connect."""
        self._producer = clients.producer(self._settings)
        await self._producer.start()

    async def on_stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    @Service.timer(CLOCK_SECONDS)
    async def _tell(self) -> None:
        record = encode(Progress(worker=self._settings.worker_id, wall=wall_ms(), sources=[]))
        topic = self._settings.topics.journal
        try:
            for partition in await self._producer.partitions_for(topic):
                await self._producer.send_and_wait(topic, record, partition=partition)
        except KafkaError as error:
            self.log.warning("the journal does not take the time: %s", error)
            return
        self._pulse.ready = True
        if self._faust.healthy(asyncio.get_running_loop().time()):
            self._pulse.beat()


def add_agents(app: faust.App, settings: Settings) -> None:
    """Add an agent for each topic that operators and actuators write to.

    Raises:
        KeysError: the keys of the settings cannot be used.
    """
    names, keys = settings.topics, keyring(settings, "gate")
    journal, dead = app.topic(names.journal, **RAW), app.topic(names.dead_letters, **RAW)

    async def append(kind: Kind, event: Any) -> None:
        message = event.message
        origin = Origin(message.topic, message.partition, message.offset)
        try:
            if len(event.value or b"") > LARGEST_SPOKEN:
                raise RefusedError("oversized", f"larger than {LARGEST_SPOKEN} bytes")
            verified = keys.verify(SPEAKERS[kind], message.topic, event.value or b"", _headers(message), wall_ms())
            said = read_spoken(kind, verified.value)
            record = record_of(said, origin, settings, verified.seal)
        except (SignatureError, RefusedError) as error:
            log.warning("%s %d@%d refused: %s", origin.topic, origin.partition, origin.offset, error)
            metrics.DEAD_LETTERS.labels(message.topic, error.reason).inc()
            letter = DeadLetter(
                origin.topic,
                origin.partition,
                origin.offset,
                0,
                error.reason,
                str(error),
                message.key,
                event.value or b"",
            )
            await insist(lambda: dead.send(key=letter.key, value=letter.body(), headers=letter.headers()))
            return
        failpoints.reached("sequencer: heard")
        await insist(lambda: journal.send(key=said.rollout.encode(), value=record))
        failpoints.reached("sequencer: journaled")

    def add(topic: str, kind: Kind) -> None:
        async def sequencer(stream: Any) -> None:
            async for event in stream.events():
                await append(kind, event)

        app.agent(app.topic(topic, **RAW), name=f"sequencer.{kind.__name__.lower()}")(sequencer)

    add(names.policies, Start)
    add(names.controls, Control)
    add(names.acks, Ack)


async def insist(send: Callable[[], Awaitable[Awaitable[object]]]) -> None:
    """Send until Kafka has taken it: an agent that raised would lose the message, one that waits has it still."""
    while True:
        try:
            await (await send())
        except (KafkaError, ProducerSendError) as error:
            log.warning("Kafka does not take it, trying again: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def stamped(said: Spoken, origin: Origin, settings: Settings, seal: Seal | None = None) -> Spoken:
    """The message as it goes into the journal: its origin, who signed it, and for a start how event time is to move."""
    if isinstance(said, Ack):
        return replace(said, origin=origin)
    signed = None
    if seal is not None and seal.id is not None and seal.expires_at is not None:
        signed = Signed(seal.key, seal.id, seal.expires_at)
    if isinstance(said, Start):
        return replace(said, origin=origin, signed=signed, timing=settings.timing, sequenced_at=wall_ms())
    return replace(said, origin=origin, signed=signed)


def record_of(said: Spoken, origin: Origin, settings: Settings, seal: Seal | None = None) -> bytes:
    """The message's record in the journal.

    Raises:
        RefusedError: it would be larger than what the journal takes.
    """
    record = encode(stamped(said, origin, settings, seal))
    if len(record) + len(said.rollout.encode()) > LARGEST_JOURNALED:
        raise RefusedError("oversized", f"its record would be larger than {LARGEST_JOURNALED} bytes")
    return record


def _told(error: PolicyError) -> str:
    """A policy's faults in a line."""
    told = error.faults[:MOST_FAULTS]
    more = len(error.faults) - len(told) + error.more
    return "; ".join(map(str, told)) + (f"; and {more} more" if more else "")


def _headers(message: Any) -> list[tuple[str, bytes]]:
    """A Faust message's headers, which are pairs or a mapping, as pairs."""
    return list(dict(message.headers or ()).items())
