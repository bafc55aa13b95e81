"""What ingest reports, against a consumer by hand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aiokafka.errors import IllegalStateError
from aiokafka.structs import TopicPartition

from connectors.decoders import RequestEvent
from streams.cells import SourcePartition
from streams.ingest.chunks import Chunker, Place, SourceRecord
from streams.ingest.reporting import SourceReports
from streams.journal import SourceProgress

ONE = TopicPartition("e", 1)
SOURCE = SourcePartition("e", 1)
T0 = 1_767_225_600_000


@dataclass
class FakeConsumer:
    """A position, the end of the log, and the number of partitions."""

    at: int | None = 60
    end: int | None = 60
    partitions: frozenset[int] | None = frozenset((0, 1, 2))

    async def position(self, _partition: TopicPartition) -> int:
        """Return the position, if the partition is ours."""
        if self.at is None:
            raise IllegalStateError
        return self.at

    def assignment(self) -> set[TopicPartition]:
        """Return our partitions."""
        return {ONE}

    def highwater(self, _partition: TopicPartition) -> int | None:
        """Return the end of the log."""
        return self.end

    def last_poll_timestamp(self, _partition: TopicPartition) -> int:
        """Return when it was fetched: now."""
        return int(time.time() * 1000)  # noqa: TID251

    def partitions_for_topic(self, _topic: str) -> frozenset[int] | None:
        """Return the partitions."""
        return self.partitions


def reports(consumer: FakeConsumer) -> SourceReports:
    """Return reports from this consumer."""
    return SourceReports(cast("Any", consumer), "e")


def a_chunker() -> Chunker:
    """Return one that begins at offset 40 of a log from 30 on."""
    return Chunker(SOURCE, place=Place(40, 30))


async def test_before_the_first_record_it_is_where_it_began() -> None:
    """Records that are read and not journaled yet are not reported: after a crash they are read again."""
    chunker = a_chunker()
    flush = chunker.flush()
    report = await reports(FakeConsumer(at=41)).progress(ONE, chunker, flush)
    assert report == SourceProgress(SOURCE, 40, None, False, 0, 40, 30)


async def test_what_is_journaled_is_reported() -> None:
    """The offset behind the last record counted, and where counting began."""
    chunker = a_chunker()
    event = RequestEvent(ts_ms=T0, rollout="r", cohort="c", status=200, latency_ms=1.0)
    chunker.count_records([SourceRecord(55, T0, [event])])
    report = await reports(FakeConsumer()).progress(ONE, chunker, chunker.flush())
    assert report == SourceProgress(SOURCE, 56, T0, True, 0, 40, 30)


@pytest.mark.parametrize("consumer", [FakeConsumer(at=None), FakeConsumer(end=None), FakeConsumer(at=59)], ids=str)
async def test_what_is_not_known_is_not_caught_up(consumer: FakeConsumer) -> None:
    """Without a position or an end, or behind the end, nothing is idle."""
    chunker = a_chunker()
    assert not (await reports(consumer).progress(ONE, chunker, chunker.flush())).caught_up


def test_the_partitions_of_the_topic() -> None:
    """As far as they are known. So is the end of a partition."""
    assert reports(FakeConsumer()).partitions() == {"e": 3}
    assert reports(FakeConsumer(partitions=None)).partitions() == {}
    assert reports(FakeConsumer()).end(ONE) == 60
    assert reports(FakeConsumer(end=None)).end(ONE) == 0


def test_where_partials_begin_is_reported_with_the_first_ones() -> None:
    """Once, however often the chunk is flushed; it claims nothing but that counting began there."""
    chunker, source = Chunker(SOURCE, place=Place(50, 40, "X")), reports(FakeConsumer())
    event, begun = RequestEvent(ts_ms=T0, rollout="r", cohort="canary", status=200, latency_ms=1.0), []
    for offset in (None, 51, None, 52):
        if offset is not None:
            chunker.count_records([SourceRecord(offset, T0, [event])])
        begun.append(source.beginnings({ONE: chunker.flush()}, {ONE: chunker}))
    assert begun == [[], [SourceProgress(SOURCE, 50, None, False, 0, 50, 40, "X")], [], []]
