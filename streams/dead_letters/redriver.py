"""The redriver: reads the topic `dead-letters` to its end, and sends letters again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from connectors.kafka.clients import LARGEST_MESSAGE, KafkaSettings, producer
from connectors.kafka.record_times import record_time
from connectors.kafka.topic_reader import PATIENCE_S, partitions_of, reader, to_end
from streams.clock import wall_ms
from streams.dead_letters.letters import Letter, LetterOrigin, Place, read_letter
from streams.dead_letters.redrive_rules import (
    SCHEMA,
    SCHEMA_HEADER,
    Fate,
    Redrive,
    RedriveHistory,
    checks,
    decide,
    read_redrive,
)

BATCH = 200
"""Letters claimed at a time: a run that is killed leaves at most this many that may or may not have been sent."""


class Redriven(NamedTuple):
    """What a redrive did with one letter, and why, if it was not sent."""

    letter: Letter
    fate: Fate
    why: str


class Redriver:
    """A context that reads `dead-letters` once it is entered.

    `to` are topics that the caller will send letters to; they must exist. `history` is as far as the topic was read.
    """

    def __init__(self, settings: KafkaSettings, *to: str) -> None:
        self.history = RedriveHistory()
        self._settings = settings
        self._topic = settings.topics.dead_letters
        self._to = to
        self._open = AsyncExitStack()
        self._source: AIOKafkaConsumer[bytes, bytes]

    async def __aenter__(self) -> Self:
        """Begin at the beginning of the topic.

        Raises:
            TopicsMissingError, TimeoutError, aiokafka.errors.KafkaError: it cannot be read.
        """
        found = await partitions_of(self._settings, self._topic, *self._to)
        letters = [partition for partition in found if partition.topic == self._topic]
        consumer = reader(self._settings, letters, max_partition_fetch_bytes=LARGEST_MESSAGE)
        self._source = await self._open.enter_async_context(consumer)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def letters(self) -> AsyncIterator[Letter]:
        """The letters from the present position to the end as of now; `history` is complete afterwards."""
        async for record in to_end(self._source):
            letter = self._read(record)
            if letter is not None:
                yield letter

    def _read(self, record: ConsumerRecord[bytes, bytes]) -> Letter | None:
        redrive = read_redrive(record.value, record.headers)
        if redrive is not None:
            self.history.add(redrive)
            return None
        place = Place(record.partition, record.offset)
        return read_letter(place, record_time(record), record.value, record.headers)

    async def _read_past(self, ends: Mapping[TopicPartition, int]) -> None:
        """Read on past these offsets.

        `to_end` is not enough: it may stop at an end that the broker reported before they were written.
        """
        async with asyncio.timeout(PATIENCE_S):
            while any([await self._source.position(one) <= end for one, end in ends.items()]):
                for records in (await self._source.getmany(timeout_ms=50)).values():
                    for record in records:
                        self._read(record)

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
        """Send these letters again, to their topics or to another one, each once; yields what was done with each.

        Raises:
            aiokafka.errors.KafkaError: the broker accepts no more; letters that were claimed and not yielded may have
                been sent or not.
        """
        known, run = checks(self._settings.topics), uuid.uuid4().hex
        distinct = list({letter.origin: letter for letter in letters}.values())
        async with producer(self._settings) as sender:
            for start in range(0, len(distinct), BATCH):
                claims: list[tuple[Letter, Redrive]] = []
                for letter in distinct[start : start + BATCH]:
                    target = to or letter.content.topic
                    fate, why = decide(letter, self.history, known.get(target), force=force, again=again)
                    if fate is Fate.SENT and not dry:
                        claims.append((letter, self._claim(letter, run, target, by)))
                    else:
                        yield Redriven(letter, fate, why)
                for done in await self._send_claimed(sender, claims):
                    yield done

    def _claim(self, letter: Letter, run: str, to: str, by: str) -> Redrive:
        origin, before = letter.origin, self.history.latest(letter.origin)
        after = "" if before is None else before.run
        return Redrive(
            run=run,
            state="claimed",
            origin=origin.place,
            to=to,
            by=by,
            at=wall_ms(),
            after=after,
            topic_id=origin.topic_id,
        )

    async def _send_claimed(self, sender: AIOKafkaProducer, claims: list[tuple[Letter, Redrive]]) -> list[Redriven]:
        """Write the claims, read past them, send the letters whose claim counts, and record which were sent."""
        if not claims:
            return []
        await self._read_past(await self.record(sender, [claim for _, claim in claims]))
        mine = [(letter, claim) for letter, claim in claims if self.history.latest(letter.origin) == claim]
        results = await asyncio.gather(*(self._send(sender, *pair) for pair in mine), return_exceptions=True)
        failed = [one for one in results if isinstance(one, BaseException)]
        sent = [claim for (_, claim), one in zip(mine, results, strict=True) if not isinstance(one, BaseException)]
        # Even if some failed: without their record, the letters that were sent would be in doubt for good.
        await self.record(sender, [msgspec.structs.replace(claim, state="sent", at=wall_ms()) for claim in sent])
        if failed:
            raise next((one for one in failed if not isinstance(one, KafkaError)), failed[0])
        places = {letter.place for letter, _ in mine}
        return [
            Redriven(letter, Fate.SENT, "")
            if letter.place in places
            else Redriven(letter, Fate.ALREADY, "another run claimed it first")
            for letter, _ in claims
        ]

    async def record(self, sender: AIOKafkaProducer, records: list[Redrive]) -> dict[TopicPartition, int]:
        """Write these records to `dead-letters`; returns, once acknowledged, the last offset in each partition."""
        headers = [(SCHEMA_HEADER, SCHEMA.encode())]
        sent: list[asyncio.Future[Any]] = [
            await sender.send(
                self._topic, msgspec.json.encode(one), key=str(LetterOrigin(*one.origin)).encode(), headers=headers
            )
            for one in records
        ]
        ends: dict[TopicPartition, int] = {}
        for written in await asyncio.gather(*sent):
            place = TopicPartition(written.topic, written.partition)
            ends[place] = max(written.offset, ends.get(place, 0))
        return ends

    async def _send(self, sender: AIOKafkaProducer, letter: Letter, claim: Redrive) -> None:
        source = f"{self._topic}/{letter.place.partition}/{letter.place.offset}"
        headers = [("redriven_from", source.encode())]
        await sender.send_and_wait(claim.to, letter.content.value, key=letter.content.key, headers=headers)
