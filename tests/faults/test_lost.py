"""Topics that lose data: snapshots gone, the journal cut off or created again."""

import asyncio
import json
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from streams.journal import Progress, encode
from tests.faults.post import Post
from tests.faults.times import PATIENCE, note, now_ms
from tests.faults.topics import admin, delete_topic, make_topics
from tests.faults.trial import ROLLOUTS, Trial
from tests.pipeline.harness import metric

pytestmark = [pytest.mark.faults]


async def test_snapshots_that_are_gone(kafka_broker: str) -> None:
    """The snapshots topic is deleted, and then the judge killed: the next folds the journal from its beginning."""
    async with Trial(kafka_broker, 34) as trial:
        (judge, _, _) = await trial.begin(("judge",), ("ingest",), ("sequencer",))
        await trial.judged_past(now_ms() + 2_000)
        await delete_topic(trial.site, trial.site.topics.snapshots)
        judge.worker.kill()
        since = await judge.died()
        await make_topics(trial.site)
        await trial.recovered("snapshots deleted, judge killed", since)
        assert "judging from offset 0" in judge.worker.log()
        await trial.holds()


@pytest.mark.parametrize("snapshots", ["deleted", "kept"])
async def test_a_journal_whose_beginning_is_gone(kafka_broker: str, snapshots: str) -> None:
    """What the next judge needs was deleted: nothing is decided any more, and the reason is reported everywhere."""
    async with Trial(kafka_broker, 35) as trial:
        (judge, _, _) = await trial.begin(("judge",), ("ingest",), ("sequencer",))
        await trial.judged_past(now_ms() + 1_000)
        assert await judge.leave() == 0
        before = await trial.site.decisions()
        if snapshots == "deleted":
            await delete_topic(trial.site, trial.site.topics.snapshots)
        behind = {number: end + 3 for number, end in (await journal_ends(trial)).items()}
        ends = dict.fromkeys(behind, 0)
        async with asyncio.timeout(PATIENCE):  # until the journal goes on behind what the snapshots stand for
            while any(ends[number] < offset for number, offset in behind.items()):
                await asyncio.sleep(0.2)
                ends = await journal_ends(trial)
        cuts = behind if snapshots == "kept" else dict.fromkeys((0, 1), 5)
        cut = {TopicPartition(trial.site.topics.journal, n): RecordsToDelete(before_offset=cuts[n]) for n in (0, 1)}
        await admin(trial.site, lambda client: client.delete_records(cut))
        begins = {number: min(offsets) for number, offsets in (await journal_offsets(trial)).items()}
        assert begins == cuts
        await is_held(trial, trial.post("judge"), "are missing", before)


@pytest.mark.parametrize("length", ["shorter", "longer"])
async def test_a_journal_that_was_made_again(kafka_broker: str, length: str) -> None:
    """The journal is deleted and made again: it is not what the snapshots stand for, even where it reaches further."""
    async with Trial(kafka_broker, 38) as trial:
        (judge, ingest, _) = await trial.begin(("judge",), ("ingest",), ("sequencer",))
        await trial.judged_past(now_ms() + 3_000)
        assert await ingest.leave() == 0
        if length == "longer":
            assert await judge.leave() == 0
        before = await trial.site.decisions()
        await delete_topic(trial.site, trial.site.topics.journal)
        await make_topics(trial.site)
        if length == "longer":
            filler = encode(Progress(worker="another", wall=now_ms(), sources=[]))
            for number in (0, 1):
                sent = [
                    await trial.site.producer.send(trial.site.topics.journal, filler, partition=number)
                    for _ in range(1_000)
                ]
                await asyncio.gather(*sent)
            judge = trial.post("judge")
        await is_held(trial, judge, "are not those of the snapshots", before)


async def journal_offsets(trial: Trial) -> dict[int, list[int]]:
    """The offsets that the journal holds, by partition."""
    found: dict[int, list[int]] = {0: [], 1: []}
    for record in await trial.site.read(trial.site.topics.journal):
        found[record.partition].append(record.offset)
    return found


async def journal_ends(trial: Trial) -> dict[int, int]:
    """The offset behind the last record of each partition of the journal."""
    return {number: max(offsets) + 1 for number, offsets in (await journal_offsets(trial)).items()}


async def is_held(trial: Trial, judge: Post, why: str, before: dict[str, bytes]) -> None:
    """The judge of a truncated journal reports it in health, metrics, log and statuses, and decides nothing."""
    async with asyncio.timeout(PATIENCE):
        while not all(f"journal partition {number} is truncated: " in judge.worker.log() for number in (0, 1)):
            await asyncio.sleep(0.2)
    assert why in judge.worker.log()
    known: dict[str, dict[str, Any]] = {}
    async with asyncio.timeout(PATIENCE):
        while not all("is truncated" in known.get(name, {}).get("reason", "") for name in ROLLOUTS):
            known = {status["rollout"]: status for status in await trial.statuses()}
            await asyncio.sleep(0.2)
    for status in known.values():
        weights = [json.loads(value)["weights"] for value in before.values()]
        assert (status["phase"], status["decision"], status["weights"] in weights) == ("held", None, True)
    with pytest.raises(OSError, match="503"):
        await asyncio.to_thread(judge.worker.get, "/healthz")
    page = await asyncio.to_thread(judge.worker.get, "/metrics")
    assert metric(page, "sluicegate_journal_truncated_partitions") == 2
    await asyncio.sleep(2)
    assert await trial.site.decisions() == before
    note("journal truncated")
