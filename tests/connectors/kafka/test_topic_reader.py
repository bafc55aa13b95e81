"""Reading to the end: everything there is, nothing twice, and it stops; on every broker."""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError

from connectors.kafka.clients import KafkaSettings, consumer, producer
from connectors.kafka.topic_reader import TopicsMissingError, partitions_of, read_added, read_to_end, reader, to_end
from streams.demo.embedded_broker import EmbeddedBroker, free_port
from tests.connectors.actuators.gate_topics import grow

MakeTopic = Callable[..., Awaitable[str]]


@pytest.fixture
def settings(broker: str) -> KafkaSettings:
    """Point at the broker of the test."""
    return KafkaSettings(bootstrap=broker)


async def create_topic(bootstrap: str, partitions: int, **configs: str) -> str:
    """Create a topic that no other test uses."""
    topic = f"reading-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
    finally:
        await admin.close()
    return topic


@pytest.fixture
def make_topic(settings: KafkaSettings) -> MakeTopic:
    """Create a topic at the broker of the test."""

    async def make(partitions: int = 3, **configs: str) -> str:
        return await create_topic(settings.bootstrap, partitions, **configs)

    return make


async def write(settings: KafkaSettings, topic: str, values: list[tuple[int, bytes]]) -> None:
    """Write (partition, value) pairs and wait until each is acknowledged."""
    async with producer(settings) as sink:
        for sent in [await sink.send(topic, value, partition=partition) for partition, value in values]:
            await sent


async def read(settings: KafkaSettings, topic: str, partitions: list[int] | None = None) -> list[tuple[int, bytes]]:
    """Read to the end; a reader that waits for a record that does not come raises TimeoutError after its patience."""
    async with asyncio.timeout(60.0):
        return [(record.partition, record.value) async for record in read_to_end(settings, topic, partitions)]


async def test_an_empty_topic_ends_at_once(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """No record, and no waiting for one."""
    topic = await make_topic()
    assert await read(settings, topic) == []


async def test_all_partitions_some_empty(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """Every record comes once, in order within its partition; an empty partition does not hold the others up."""
    topic = await make_topic(4)
    written = [(n % 3, b"%d" % n) for n in range(3_000)]
    await write(settings, topic, written)
    assert sorted(await read(settings, topic)) == sorted(written)
    assert [one for one in await read(settings, topic) if one[0] == 1] == [one for one in written if one[0] == 1]


async def test_the_partitions_asked_for(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """Only those are read; none asked for is nothing to read; an unknown one is an error."""
    topic = await make_topic()
    await write(settings, topic, [(0, b"a"), (1, b"b"), (2, b"c")])
    assert sorted(await read(settings, topic, [0, 2])) == [(0, b"a"), (2, b"c")]
    assert await read(settings, topic, []) == []
    with pytest.raises(TopicsMissingError, match=r"no such partition of .*: \[3\]"):
        await read(settings, topic, [0, 3])


async def test_since_a_time(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """All records since then, and where there is none nothing; the embedded broker begins earlier."""
    topic = await make_topic(2)
    times = [(0, 1_000), (0, 2_000), (0, 3_000), (1, 1_500)]
    async with producer(settings) as sink:
        for partition, time in times:
            await sink.send_and_wait(topic, b"%d" % time, partition=partition, timestamp_ms=time)
    async with asyncio.timeout(60.0):
        found = [int(record.value) async for record in read_to_end(settings, topic, since_ms=2_000)]
        assert {2_000, 3_000} <= {*found} <= {1_000, 1_500, 2_000, 3_000}
        late = [int(record.value) async for record in read_to_end(settings, topic, since_ms=9_000)]
        assert {*late} < {*found} or len(found) == len(times)


async def test_large_records_over_many_fetches(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """The end is known long before it is reached."""
    topic = await make_topic(2)
    written = [(0, b"%d" % n + b"x" * 500_000) for n in range(12)] + [(1, b"last")]
    await write(settings, topic, written)
    assert sorted(await read(settings, topic)) == sorted(written)


async def test_it_stops_while_others_write(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """The end is that of the start: a writer that never rests does not keep it reading."""
    topic = await make_topic(1)
    await write(settings, topic, [(0, b"before")])

    async def babble() -> None:
        async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap) as sink:
            while True:
                await sink.send_and_wait(topic, b"after", partition=0)

    writer = asyncio.create_task(babble())
    try:
        values = await read(settings, topic)
    finally:
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer
    assert values[0] == (0, b"before")


async def test_going_on_with_the_same_consumer(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """`to_end` from a position, then what comes later: nothing twice, nothing lost."""
    topic = await make_topic(2)
    await write(settings, topic, [(n % 2, b"%d" % n) for n in range(100)])
    async with consumer(settings) as source:
        source.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
        source.seek(TopicPartition(topic, 0), 40)
        first = [record.value async for record in to_end(source)]
        await write(settings, topic, [(1, b"later")])
        later: list[bytes] = []
        async with asyncio.timeout(60.0):
            while not later:
                batches = await source.getmany(timeout_ms=100)
                later = [record.value for records in batches.values() for record in records]
    assert sorted(first) == sorted([b"%d" % n for n in range(100) if n % 2 or n >= 80])
    assert later == [b"later"]


async def test_what_is_missing_is_named(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """A missing topic is an error that names it, and asking does not create it."""
    topic = await make_topic()
    for _ in range(2):
        with pytest.raises(TopicsMissingError, match=r"no such topic at .*: no-such-one$"):
            await partitions_of(settings, topic, "no-such-one")
    assert await partitions_of(settings, topic) == [TopicPartition(topic, n) for n in range(3)]


async def test_no_broker_is_an_error() -> None:
    """Nobody answers: an error at once."""
    with pytest.raises(KafkaConnectionError):
        await partitions_of(KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}"), "any")


async def test_a_broker_that_dies_is_given_up() -> None:
    """After a while of silence reading ends with an error that names what was waited for."""
    with EmbeddedBroker() as broker:
        settings = KafkaSettings(bootstrap=broker.bootstrap)
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic("dies", 1, 1)])
        await admin.close()
        async with consumer(settings) as source:
            source.assign([TopicPartition("dies", 0)])
            broker.stop()
            with pytest.raises(TimeoutError, match=r"not answered for 0.5 s about dies\[0\]"):
                async for _record in to_end(source, patience_s=0.5):
                    pass


@pytest.mark.kafka
async def test_an_end_without_a_record(kafka_broker: str) -> None:
    """Transaction markers and aborted records take offsets at the end: it is reached all the same."""
    settings = KafkaSettings(bootstrap=kafka_broker)
    topic = await create_topic(kafka_broker, 1)
    async with AIOKafkaProducer(bootstrap_servers=kafka_broker, transactional_id=topic) as sink:
        for value in (b"one", b"two"):
            async with sink.transaction():
                await sink.send_and_wait(topic, value)
    assert await read(settings, topic) == [(0, b"one"), (0, b"two")]


@pytest.mark.kafka
async def test_partitions_that_are_added(kafka_broker: str) -> None:
    """They are found soon, and read from their beginning; nothing of the others is read twice or skipped."""
    settings = KafkaSettings(bootstrap=kafka_broker)
    topic = await create_topic(kafka_broker, 1)
    await write(settings, topic, [(0, b"a"), (0, b"b")])
    async with reader(settings, await partitions_of(settings, topic)) as source, asyncio.timeout(60.0):
        assert [record.value async for record in to_end(source)] == [b"a", b"b"]
        assert not await read_added(source)
        await grow(settings, topic, 2)
        await write(settings, topic, [(0, b"c"), (1, b"x"), (1, b"y")])
        found: list[tuple[int, bytes]] = []
        while not await read_added(source):
            batches = await source.getmany(timeout_ms=100)
            found += [(record.partition, record.value) for records in batches.values() for record in records]
        await write(settings, topic, [(0, b"d")])
        while len(found) < 4:
            batches = await source.getmany(timeout_ms=100)
            found += [(record.partition, record.value) for records in batches.values() for record in records]
        assert sorted(found) == [(0, b"c"), (0, b"d"), (1, b"x"), (1, b"y")]
        assert not await read_added(source)


class Grown:
    """A consumer of partition 0 of topic t, which has two; it is at offset 7."""

    def __init__(self) -> None:
        self.assigned = {TopicPartition("t", 0)}
        self.sought: dict[TopicPartition, int] = {}

    def assignment(self) -> set[TopicPartition]:
        """What is read."""
        return self.assigned

    def partitions_for_topic(self, _topic: str) -> set[int]:
        """What there is."""
        return {0, 1}

    async def position(self, _partition: TopicPartition) -> int:
        """Where it is."""
        return 7

    def assign(self, partitions: list[TopicPartition]) -> None:
        """Read these, from their beginning."""
        self.assigned, self.sought = set(partitions), {}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on from there."""
        self.sought[partition] = offset


async def test_positions_are_kept_when_partitions_are_added() -> None:
    """Only the added one has none, so it begins at its beginning."""
    source: Any = Grown()
    assert (await read_added(source), await read_added(source)) == (True, False)
    assert source.assigned == {TopicPartition("t", 0), TopicPartition("t", 1)}
    assert source.sought == {TopicPartition("t", 0): 7}
