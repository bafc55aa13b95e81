"""What happens to the source topic: partitions added, records deleted, a group that others use, a long outage."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete

from connectors.kafka import clients
from streams.journal import Progress, decode
from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.topics import admin
from tests.faults.trial import ROLLOUTS, WAITING, Trial
from tests.pipeline.harness import Worker, metric

pytestmark = [pytest.mark.faults]

AWAY = 40.0  # longer than a source may make no headway
NAMED = {"SLUICEGATE_WORKER_ID": "one"}
"""So that the clock of a worker that was started again is not doubted, as one of another name would be."""
REFUSED = frozenset({"rollback", *WAITING, "pause"})


def break_canary(event: Any) -> Any:
    """Each request of the candidate fails."""
    return event | {"status": 500} if event["cohort"] == "canary" else event


async def committed(trial: Trial) -> dict[TopicPartition, int]:
    """The offsets of ingest's group."""
    async with clients.consumer(trial.site.settings, group_id=group(trial)) as owner:
        partitions = [TopicPartition(trial.site.topics.events, number) for number in range(3)]
        owner.assign(partitions)
        return {partition: await owner.committed(partition) or 0 for partition in partitions}


async def ends(trial: Trial) -> dict[TopicPartition, int]:
    """The ends of the source partitions."""
    async with clients.consumer(trial.site.settings) as owner:
        return dict(await owner.end_offsets([TopicPartition(trial.site.topics.events, number) for number in range(3)]))


async def journaled(trial: Trial) -> dict[TopicPartition, int]:
    """The offsets up to which the source partitions are counted."""
    found: dict[TopicPartition, int] = {}
    for record in await trial.site.read(trial.site.topics.journal):
        progress = decode(record.value)
        for report in progress.sources if isinstance(progress, Progress) else ():
            each = TopicPartition(report.source.topic, report.source.partition)
            found[each] = max(found.get(each, 0), report.position)
    return found


async def move(trial: Trial, offsets: dict[TopicPartition, int]) -> None:
    """Commit these offsets for ingest's group, which has no member."""
    async with clients.consumer(trial.site.settings, group_id=group(trial)) as owner:
        owner.assign(list(offsets))
        await owner.commit(offsets)
        assert {partition: await owner.committed(partition) for partition in offsets} == offsets


def group(trial: Trial) -> str:
    """The group of ingest."""
    return f"{trial.site.settings.topic_prefix}sluicegate-ingest"


async def uncounted(worker: Worker) -> float:
    """How many offsets the judge has found that nobody counted."""
    page = await asyncio.to_thread(worker.get, "/metrics")
    found = 0.0
    for number in range(3):
        sample = f'sluicegate_uncounted_source_records_total{{partition="{number}"}}'
        found += metric(page, sample) if sample in page else 0.0
    return found


async def found_hole(trial: Trial, judge: Worker, since: int) -> float:
    """Wait until a hole is found and judged past; the number of its offsets. It must not have advanced anything."""
    async with asyncio.timeout(PATIENCE):
        while not (number := await uncounted(judge)):
            await asyncio.sleep(0.1)
    note("offsets that nobody counted", (now_ms() - since) / 1000)
    assert "were never counted" in judge.log()
    await trial.judged_past(now_ms() + 1_000)
    latest = {status["rollout"]: status for status in await trial.statuses()}
    assert all(latest[name]["completeness"] < 1.0 for name in ROLLOUTS)
    assert all(latest[name]["telemetry"]["canary"]["refused"] >= number for name in ROLLOUTS)
    decisions = await trial.decided()
    assert {each["action"] for known in decisions.values() for each in known} <= WAITING
    return number


async def counted_once(trial: Trial) -> Counter[tuple[str, str, int]]:
    """Nothing is counted twice; returns what is missing."""
    counted, true = await trial.site.counted(), (await trial.recount()).requests
    assert not counted - true
    return true - counted


async def test_records_deleted_before_they_were_read(kafka_broker: str) -> None:
    """No ingest worker runs, and meanwhile records are deleted: log, metric, and no advance on what is left.

    A bad canary is rolled back also on what is left.
    """
    async with Trial(kafka_broker, 60) as trial:
        ingest, judge = await trial.begin(("ingest",), ("judge", "sequencer"))
        await trial.judged_past(now_ms() + 3_000)
        assert await ingest.leave() == 0
        before = await ends(trial)
        await asyncio.sleep(5)
        after = await ends(trial)
        deleted = {each: RecordsToDelete(offset) for each, offset in after.items()}
        await admin(trial.site, lambda client: client.delete_records(deleted))
        since = now_ms()
        trial.post("ingest")
        number = await found_hole(trial, judge.worker, since)
        unread = sum(after.values()) - sum(before.values())
        assert unread <= number < unread + 1_200  # and what came between its last flush and its end
        since, trial.mangle = now_ms(), break_canary
        async with asyncio.timeout(PATIENCE):
            while not all(await rolled_back(trial)):
                await asyncio.sleep(0.2)
        note("records deleted, and a bad canary in incomplete panes: rolled back", (now_ms() - since) / 1000)


@pytest.mark.parametrize("how", ["reset", "member"])
async def test_a_group_that_others_use(kafka_broker: str, how: str) -> None:
    """The group's offsets are set to the ends, or another program reads and commits as a member of it."""
    async with Trial(kafka_broker, 61) as trial:
        ingest, judge = await trial.begin(("ingest",), ("judge", "sequencer"))
        await trial.judged_past(now_ms() + 3_000)
        if how == "reset":
            assert await ingest.leave() == 0
            await asyncio.sleep(5)
            await move(trial, await ends(trial))
            trial.post("ingest")
        else:
            async with clients.consumer(
                trial.site.settings, trial.site.topics.events, group_id=group(trial), session_timeout_ms=6_000
            ) as foreign:
                async with asyncio.timeout(PATIENCE):
                    while not foreign.assignment():
                        await foreign.getmany(timeout_ms=100)
                for _ in range(40):
                    await foreign.getmany(timeout_ms=100)
                await foreign.commit()
        await found_hole(trial, judge.worker, now_ms())
        assert sum((await counted_once(trial)).values()) > 0


async def test_offsets_that_go_back_into_an_open_chunk(kafka_broker: str) -> None:
    """The next chunk overlaps with the one before it: no event counts twice, and what is refused counts as missing."""
    async with Trial(kafka_broker, 62) as trial:
        ingest, judge = await trial.begin(("ingest",), ("judge", "sequencer"))
        await trial.judged_past(now_ms() + 3_000)
        assert await ingest.leave() == 0
        chunk, counted = await committed(trial), await journaled(trial)
        await move(trial, {each: max(chunk[each] + 1, offset - 60) for each, offset in counted.items()})
        trial.post("ingest")
        await trial.judged_past(now_ms() + 25_000)
        await counted_once(trial)
        assert await uncounted(judge.worker) == 0
        decisions = await trial.decided()
        assert {each["action"] for known in decisions.values() for each in known} <= WAITING


async def test_a_partition_that_was_added_has_the_bad_canary(kafka_broker: str) -> None:
    """The candidate fails only on the new partition: it is found within seconds, and the rollout is rolled back."""
    async with Trial(kafka_broker, 63, bake="20s") as trial:
        await trial.begin(())
        await trial.judged_past(now_ms() + 1_000)
        added = {trial.site.topics.events: NewPartitions(total_count=4)}
        await admin(trial.site, lambda client: client.create_partitions(added))
        since = now_ms()
        async with clients.producer(trial.site.settings, linger_ms=0) as producer, asyncio.timeout(PATIENCE):
            while not all(await rolled_back(trial)):
                for rollout in ROLLOUTS:
                    event = {"ts": now_ms(), "rollout": rollout, "cohort": "canary", "status": 500, "latency_ms": 9}
                    values = [json.dumps(event).encode()] * 20
                    await asyncio.gather(
                        *[await producer.send(trial.site.topics.events, value, partition=3) for value in values]
                    )
                await asyncio.sleep(0.2)
        note("a partition added, with a bad canary: rolled back", (now_ms() - since) / 1000)
        decisions = await trial.decided()
        assert {each["action"] for known in decisions.values() for each in known} <= REFUSED


async def rolled_back(trial: Trial) -> list[bool]:
    """Whether each rollout was rolled back."""
    decisions = await trial.decided()
    return [any(each["action"] == "rollback" for each in decisions.get(name, [])) for name in ROLLOUTS]


async def test_all_workers_away_for_long(kafka_broker: str) -> None:
    """Nobody reads for longer than a source may stall, and requests go on: then all are counted, and none is late.

    The first record after that time is of a worker that reads no events.
    """
    async with Trial(kafka_broker, 64) as trial:
        posts = await trial.begin(("ingest",), ("judge", "sequencer"), **NAMED)
        await trial.judged_past(now_ms() + 3_000)
        for post in posts:
            assert await post.leave() == 0
        await asyncio.sleep(AWAY)
        judge = trial.post("judge", "sequencer", **NAMED)
        await judge.ready()
        await asyncio.sleep(3)
        log = judge.worker.log()
        assert "no worker was there meanwhile" in log
        assert "is not followed" not in log
        since = now_ms()
        trial.post("ingest", **NAMED)
        await trial.recovered("all workers away for 40 s", since)
        await trial.judged_past(now_ms() + 1_000)
        await trial.holds()
