"""A broker that refuses writes: without effect, or although it has written the records, or by ending itself."""

import asyncio
import resource

import pytest

from streams.journal import NO_COUNTS
from tests.brokers import MavenKafka
from tests.faults.line import Line
from tests.faults.refuser import Refuser
from tests.faults.times import PATIENCE, now_ms
from tests.faults.topics import set_topic
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults]

LATE = 100_000  # time went on meanwhile: what was sent then may come after its pane was judged
NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND = 19, 20


@pytest.mark.parametrize("error", [NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND])
async def test_writes_that_are_to_be_tried_again(refusing_line: Line[Refuser], error: int) -> None:
    """Most writes are answered with an error: they had no effect, or had it all the same, and then leave duplicates."""
    proxy = refusing_line.proxy
    async with Trial(refusing_line.direct, 60) as trial:
        trial.malformed = {b"{": "bad_json"}
        trial.mangle = lambda event: b"{" if trial.rng.random() < 0.01 else event
        await trial.begin((), **refusing_line.worker)
        await trial.judged_past(now_ms() + 1_000)
        proxy.error, proxy.share = error, 0.8
        await asyncio.sleep(12)  # so that a chunk ends meanwhile
        proxy.share = 0.0
        await trial.recovered(f"writes refused with error {error}", now_ms())
        await trial.judged_past(now_ms() + 2_000)
        assert (trial.exits, proxy.refused > 20) == ([], True)
        await trial.holds(late=LATE)
        records = await trial.site.read(trial.site.topics.journal)
        journal = [(record.partition, record.value) for record in records if record.value != NO_COUNTS]
        assert (len(journal) > len(set(journal))) == (error == NOT_ENOUGH_REPLICAS_AFTER_APPEND)


@pytest.mark.parametrize(
    ("topics", "logged"),
    [
        (("journal", "dead_letters"), "ingest counts again from the committed offsets"),
        (("snapshots", "decisions", "status"), "does not accept messages (MessageSizeTooLargeError)"),
    ],
    ids=["ingest", "judge"],
)
async def test_topics_that_take_nothing_for_a_while(kafka_broker: str, topics: tuple[str, ...], logged: str) -> None:
    """Every write is refused for good, because the topics accept small records only; then they accept all again."""
    async with Trial(kafka_broker, 62) as trial:
        (post,) = await trial.begin(())
        trial.malformed = {b"{": "bad_json"}
        trial.mangle = lambda event: b"{" if trial.rng.random() < 0.01 else event
        await trial.judged_past(now_ms() + 1_000)
        for topic in topics:
            await set_topic(trial.site, topic, **{"max.message.bytes": "64"})
        await asyncio.sleep(6)
        for topic in topics:
            await set_topic(trial.site, topic)
        await trial.recovered("writes refused for good for 6 s", now_ms())
        await trial.judged_past(now_ms() + 2_000)
        assert trial.exits == []
        assert logged in post.worker.log()
        await trial.holds(late=LATE)


async def test_a_broker_whose_disk_is_full(own_kafka: MavenKafka) -> None:
    """The broker's files cannot grow, so it ends itself, as Kafka does; then there is room again."""
    async with Trial(own_kafka.bootstrap, 61) as trial:
        await trial.begin(())
        await trial.judged_past(now_ms() + 1_000)
        resource.prlimit(own_kafka.pid, resource.RLIMIT_FSIZE, (1, 1))
        await asyncio.to_thread(own_kafka.died, PATIENCE)
        await asyncio.sleep(1)
        await asyncio.to_thread(own_kafka.start)
        await trial.recovered("broker's disk full", now_ms())
        assert trial.exits == []
        await trial.holds(late=LATE)
