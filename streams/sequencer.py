"""The sequencer: what operators and actuators say, checked and appended to the journal.

Three Faust agents, one a topic. An exception in an agent would lose the message, so each catches, dead-letters and goes
on. Repeats (Faust delivers at least once) carry the same origin, by which the judge drops them.
"""

from __future__ import annotations

import logging
from typing import Any

import faust
import msgspec
from aiokafka.errors import KafkaError
from mode import Service
from msgspec.structs import replace

from connectors import kafka
from connectors.dead_letters import DeadLetter
from gates.policy import Policy, PolicyError
from streams import metrics
from streams.clock import wall_ms
from streams.health import Health
from streams.journal import Ack, Control, Origin, Progress, Spoken, Start, encode
from streams.settings import Settings

log = logging.getLogger(__name__)

CLOCK_SECONDS = 1.0
RAW: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
Kind = type[Start] | type[Control] | type[Ack]


class RefusedError(ValueError):
    """A message that says nothing a rollout could act on; `reason` is a machine word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read_spoken(kind: Kind, value: bytes | None) -> Spoken:
    """The message of this kind in a value.

    Raises:
        RefusedError: it is malformed, or a policy with faults (all of which the message names).
    """
    try:
        said = msgspec.json.decode(value or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError("bad_message", str(error)) from error
    if isinstance(said, Start):
        try:
            policy = Policy.parse(said.policy)
        except PolicyError as error:
            raise RefusedError("bad_policy", "; ".join(map(str, error.faults))) from error
        if policy.rollout != said.rollout:
            raise RefusedError("bad_policy", f"the policy is for {policy.rollout}, the message for {said.rollout}")
    return said


class Clock(Service):
    """Says in every journal partition what time it is, so that silence is noticed even when nobody ingests."""

    def __init__(self, settings: Settings, health: Health, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._pulse = health.pulse("sequencer")

    async def on_start(self) -> None:
        """Connect."""
        self._producer = kafka.producer(self._settings)
        await self._producer.start()

    async def on_stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    @Service.timer(CLOCK_SECONDS)
    async def _tell(self) -> None:
        self._pulse.beat()
        record = encode(Progress(worker=self._settings.worker_id, wall=wall_ms(), sources=[]))
        topic = self._settings.topics.journal
        try:
            for partition in await self._producer.partitions_for(topic):
                await self._producer.send_and_wait(topic, record, partition=partition)
        except KafkaError as error:
            self.log.warning("the journal does not take the time: %s", error)
            return
        self._pulse.ready = True


def add_agents(app: faust.App, settings: Settings) -> None:
    """Add an agent for each topic that operators and actuators write to."""
    names = settings.topics
    journal, dead = app.topic(names.journal, **RAW), app.topic(names.dead_letters, **RAW)

    async def append(kind: Kind, event: Any) -> None:
        message = event.message
        origin = Origin(message.topic, message.partition, message.offset)
        try:
            said = read_spoken(kind, event.value)
        except RefusedError as error:
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
            await (await dead.send(key=letter.key, value=letter.body(), headers=letter.headers()))
            return
        await (await journal.send(key=said.rollout.encode(), value=encode(stamped(said, origin, settings))))

    def add(topic: str, kind: Kind) -> None:
        async def sequencer(stream: Any) -> None:
            async for event in stream.events():
                await append(kind, event)

        app.agent(app.topic(topic, **RAW), name=f"sequencer.{kind.__name__.lower()}")(sequencer)

    add(names.policies, Start)
    add(names.controls, Control)
    add(names.acks, Ack)


def stamped(said: Spoken, origin: Origin, settings: Settings) -> Spoken:
    """The message as it goes into the journal: with its origin, and a start with how event time is to move."""
    if isinstance(said, Start):
        return replace(said, origin=origin, timing=settings.timing, sequenced_at=wall_ms())
    return replace(said, origin=origin)
