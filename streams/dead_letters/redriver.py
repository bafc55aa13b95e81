"""The office: reads the topic `dead-letters` to its end, and sends letters once more."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from connectors.kafka.clients import LARGEST_MESSAGE, KafkaSettings, producer
from connectors.kafka.topic_reader import PATIENCE_S, partitions_of, reader, to_end
from streams.clock import wall_ms
from streams.dead_letters.letters import Letter, Origin, Place, read_letter
from streams.dead_letters.redriving import SCHEMA, SCHEMA_HEADER, Fate, Memory, Redrive, checks, judge, read_redrive

CHUNK = 200
"""So many letters are claimed at a time: a run that dies leaves at most so many of which nobody is sure."""


class Redriven(NamedTuple):
    """What became of one letter, and why, if it was not sent."""

    letter: Letter
    fate: Fate
    why: str


class Office:
    """A context; entered, it reads. `to` are topics that will be written to, which must exist."""

    def __init__(self, settings: KafkaSettings, *to: str) -> None:
        self.memory = Memory()
        self._settings = settings
        self._topic = settings.topics.dead_letters
        self._to = to
        self._open = AsyncExitStack()
        self._source: AIOKafkaConsumer[bytes, bytes]

    async def __aenter__(self) -> Self:
        """Stand at the beginning.

        Raises:
            TopicsMissingError, TimeoutError, aiokafka.errors.KafkaError: it cannot be read.
        """
        found = await partitions_of(self._settings, self._topic, *self._to)
        letters = [one for one in found if one.topic == self._topic]
        reading = reader(self._settings, letters, max_partition_fetch_bytes=LARGEST_MESSAGE)
        self._source = await self._open.enter_async_context(reading)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def letters(self) -> AsyncIterator[Letter]:
        """The letters from where it stands to the end as of now; what became of them is in `memory` afterwards."""
        async for record in to_end(self._source):
            letter = self._take(record)
            if letter is not None:
                yield letter

    def _take(self, record: ConsumerRecord[bytes, bytes]) -> Letter | None:
        redrive = read_redrive(record.value, record.headers)
        if redrive is not None:
            self.memory.take(redrive)
            return None
        return read_letter(Place(record.partition, record.offset), record.timestamp, record.value, record.headers)

    async def _read_past(self, ends: Mapping[TopicPartition, int]) -> None:
        """Read on until these offsets are behind; `to_end` may hold an end that it heard of before, for the end."""
        async with asyncio.timeout(PATIENCE_S):
            while any([await self._source.position(one) <= end for one, end in ends.items()]):
                for records in (await self._source.getmany(timeout_ms=50)).values():
                    for record in records:
                        self._take(record)

    async def redrive(
        self,
        letters: Sequence[Letter],
        *,
        by: str,
        to: str | None = None,
        force: bool = False,
        again: bool = False,
        dry: bool = False,
    ) -> AsyncIterator[Redriven]:
        """Send these once more, to their topics or to another, each once; tells of each what became of it.

        Raises:
            aiokafka.errors.KafkaError: the broker takes no more; what was claimed and is not told is unsure.
        """
        known, run = checks(self._settings.topics), uuid.uuid4().hex
        distinct = list({letter.origin: letter for letter in letters}.values())
        async with producer(self._settings) as sender:
            for start in range(0, len(distinct), CHUNK):
                send: list[tuple[Letter, Redrive]] = []
                for letter in distinct[start : start + CHUNK]:
                    target = to or letter.said.topic
                    fate, why = judge(letter, self.memory, known.get(target), force=force, again=again)
                    if fate is Fate.SENT and not dry:
                        send.append((letter, self._claim(letter, run, target, by)))
                    else:
                        yield Redriven(letter, fate, why)
                for done in await self._send(sender, send):
                    yield done

    def _claim(self, letter: Letter, run: str, to: str, by: str) -> Redrive:
        before = self.memory.of(letter.origin)
        after = "" if before is None else before.run
        return Redrive(run=run, state="claimed", origin=letter.origin, to=to, by=by, at=wall_ms(), after=after)

    async def _send(self, sender: AIOKafkaProducer, send: list[tuple[Letter, Redrive]]) -> list[Redriven]:
        """Claim, read on, send what the claim counts of, and say so."""
        if not send:
            return []
        await self._read_past(await self.note(sender, [claim for _, claim in send]))
        mine = [(letter, claim) for letter, claim in send if self.memory.of(letter.origin) == claim]
        results = await asyncio.gather(*(self._one(sender, *pair) for pair in mine), return_exceptions=True)
        failed = [one for one in results if isinstance(one, BaseException)]
        sent = [claim for (_, claim), one in zip(mine, results, strict=True) if not isinstance(one, BaseException)]
        await self.note(sender, [msgspec.structs.replace(claim, state="sent", at=wall_ms()) for claim in sent])
        if failed:
            raise next((one for one in failed if not isinstance(one, KafkaError)), failed[0])
        return list(_told(send, {Place(*letter.place) for letter, _ in mine}))

    async def note(self, sender: AIOKafkaProducer, records: list[Redrive]) -> dict[TopicPartition, int]:
        """Put down what becomes of letters; tells, once the broker has it, the last offset in each partition."""
        headers = [(SCHEMA_HEADER, SCHEMA.encode())]
        sent: list[asyncio.Future[Any]] = [
            await sender.send(
                self._topic, msgspec.json.encode(one), key=str(Origin(*one.origin)).encode(), headers=headers
            )
            for one in records
        ]
        ends: dict[TopicPartition, int] = {}
        for written in await asyncio.gather(*sent):
            place = TopicPartition(written.topic, written.partition)
            ends[place] = max(written.offset, ends.get(place, 0))
        return ends

    async def _one(self, sender: AIOKafkaProducer, letter: Letter, claim: Redrive) -> None:
        source = f"{self._topic}/{letter.place.partition}/{letter.place.offset}"
        headers = [("redriven_from", source.encode())]
        await sender.send_and_wait(claim.to, letter.said.value, key=letter.said.key, headers=headers)


def _told(send: list[tuple[Letter, Redrive]], mine: set[Place]) -> Iterator[Redriven]:
    for letter, _ in send:
        if letter.place in mine:
            yield Redriven(letter, Fate.SENT, "")
        else:
            yield Redriven(letter, Fate.ALREADY, "another run was faster")
