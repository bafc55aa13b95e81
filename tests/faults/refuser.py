"""A proxy that reads enough of Kafka's protocol to refuse writes, like a broker that has lost its replicas."""

import asyncio
import contextlib
import random
from io import BytesIO
from typing import Any

from aiokafka.protocol import produce
from aiokafka.protocol.api import RequestHeader_v1, ResponseHeader_v0

from tests.faults.proxy import Proxy

PRODUCE = 0
APPENDED = frozenset({20})
"""Errors which mean that the record was written all the same."""
KINDS: dict[int, Any] = {kind.API_VERSION: kind for kind in (produce.ProduceRequest_v7, produce.ProduceRequest_v8)}


class Refuser(Proxy):
    """Answers a `share` of writes with `error`: with one of `APPENDED` after the broker has written, else instead.

    With `topics`, only writes to these and no others are refused. `refused` counts them. Chance has a seed of its own.
    """

    def __init__(self, port: int, target: int) -> None:
        super().__init__(port, target)
        self.error = 0
        self.share = 0.0
        self.topics: frozenset[str] = frozenset()
        self.refused = 0
        self._rng = random.Random(0)

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        refusals: dict[bytes, bytes] = {}

        def asked(frame: bytes) -> bytes:
            if int.from_bytes(frame[:2], "big") != PRODUCE or self._rng.random() >= self.share:
                return frame
            if self.topics and not self.topics.issuperset(topics_of(frame)):
                return frame
            passed, refusals[frame[4:8]] = refuse(frame, self.error)
            self.refused += 1
            return passed

        def answered(frame: bytes) -> bytes:
            return refusals.pop(frame[:4], frame)

        await asyncio.gather(carry(reader, back, asked), carry(there, writer, answered))


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, change: Any) -> None:
    """Carry each frame of Kafka's protocol, changed as ordered."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            size = int.from_bytes(await source.readexactly(4), "big")
            frame = change(await source.readexactly(size))
            sink.write(len(frame).to_bytes(4, "big") + frame)
            await sink.drain()
    with contextlib.suppress(OSError, RuntimeError):
        sink.transport.abort()


def topics_of(frame: bytes) -> set[str]:
    """The topics that a write is to."""
    source = BytesIO(frame)
    _, version, _, _ = RequestHeader_v1.SCHEMA.decode(source)
    return {topic for topic, _ in KINDS[version].decode(source).topics}


def refuse(frame: bytes, error: int) -> tuple[bytes, bytes]:
    """Give what is to reach the broker in place of this write, and what its answer is to be replaced by."""
    source = BytesIO(frame)
    _, version, correlation, _ = RequestHeader_v1.SCHEMA.decode(source)
    header = frame[: source.tell()]
    kind = KINDS[version]
    request = kind.decode(source)
    beyond: tuple[object, ...] = ([], None) if version >= 8 else ()
    topics = [
        (topic, [(partition, error, -1, -1, -1, *beyond) for partition, _ in partitions])
        for topic, partitions in request.topics
    ]
    answer = ResponseHeader_v0(correlation).encode() + kind.RESPONSE_TYPE(topics, 0).encode()
    if error in APPENDED:
        return frame, answer
    nothing = kind(request.transactional_id, request.required_acks, request.timeout, [])  # it answers in its turn
    return header + nothing.encode(), answer
