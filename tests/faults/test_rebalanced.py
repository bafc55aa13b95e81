"""Workers that join and leave, even during a flush; offsets that go back; builds that differ."""

import asyncio
import signal

import pytest
from aiokafka import TopicPartition

from connectors.kafka import clients
from tests.faults.times import PATIENCE, now_ms
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults]

PATIENT = {"SLUICEGATE_SESSION_TIMEOUT_MS": "8000"}
"""So that a worker that is stopped for a moment is waited for, and takes part in the rebalance."""
FOREIGN = 'sluicegate_foreign_records_total{rule="100.10000"}'


async def test_a_rolling_restart_and_scaling(kafka_broker: str) -> None:
    """From one worker to three, each restarted in turn, and back to one, under load."""
    async with Trial(kafka_broker, 8) as trial:
        posts = await trial.begin(())
        for _ in range(2):
            posts.append(trial.post())
            await posts[-1].ready()
        for post in posts[:]:
            since = now_ms()
            assert await post.leave() == 0
            posts.append(trial.post())
            await trial.recovered("restarted in good order", since)
            await posts[-1].ready()
        for post in posts[3:5]:
            assert await post.leave() == 0
        await trial.recovered("scaled down", now_ms())
        await trial.holds()


@pytest.mark.parametrize(
    ("seed", "step", "times", "how"),
    [
        (50, "ingest: partials sent", 40, "joins"),
        (51, "ingest: partials acknowledged", 40, "leaves"),
        (52, "ingest: progress acknowledged", 40, "joins"),
        (53, "ingest: before commit", 1, "leaves"),
    ],
    ids=str,
)
async def test_a_rebalance_in_mid_flush(kafka_broker: str, seed: int, step: str, times: int, how: str) -> None:
    """Between partials and commit a worker is stopped, and meanwhile another one joins or leaves; then it continues."""
    async with Trial(kafka_broker, seed) as trial:
        others = [trial.post(**PATIENT)] if how == "leaves" else []
        for post in others:
            await post.ready()
        await trial.begin(("sequencer",), **PATIENT)  # before it, as who stands still keeps others from joining
        flushing = trial.post(fault=f"{step}:{times}:stop", **PATIENT)
        stopped = await flushing.stopped()
        if how == "joins":
            others.append(trial.post("ingest", SLUICEGATE_LOG_LEVEL="debug", **PATIENT))
            async with asyncio.timeout(PATIENCE):
                while "(Re-)joining group" not in others[-1].worker.log():
                    await asyncio.sleep(0.1)
        else:
            assert await others.pop().leave() == 0
        flushing.signal(signal.SIGCONT)
        await trial.recovered("a rebalance in mid-flush", stopped)
        for post in others:
            await post.ready()
        await trial.judged_past(now_ms() + 1_000)
        assert trial.exits == []
        await trial.holds()


@pytest.mark.parametrize("seed", [54])
async def test_ingest_that_reads_again_what_it_has_counted(kafka_broker: str, seed: int) -> None:
    """The group's offsets go back, to the beginning or anywhere: events are delivered again, and count once."""
    async with Trial(kafka_broker, seed) as trial:
        (ingest, *_) = await trial.begin(("ingest",), ("judge",), ("sequencer",))
        await trial.judged_past(now_ms() + 12_000)  # past a commit
        for share in (0.0, trial.rng.random()):
            assert await ingest.leave() == 0
            partitions = [TopicPartition(trial.site.topics.events, number) for number in range(3)]
            group = f"{trial.site.settings.topic_prefix}sluicegate-ingest"
            async with clients.consumer(trial.site.settings, group_id=group) as owner:
                owner.assign(partitions)
                known = {partition: await owner.committed(partition) for partition in partitions}
                assert all(known.values())
                await owner.commit({partition: int(offset * share) for partition, offset in known.items()})
            ingest = trial.post("ingest")
            await trial.recovered("ingest's offsets went back", now_ms())
        await trial.holds()


async def test_two_builds_that_cut_chunks_differently(kafka_broker: str) -> None:
    """What another build cuts by another rule is refused and reported; the right build still counts everything."""
    async with Trial(kafka_broker, 11) as trial:
        (post,) = await trial.begin(())
        odd = trial.post("ingest", altered="chunk_offsets=100")
        await odd.ready()
        async with asyncio.timeout(PATIENCE):
            while FOREIGN not in await asyncio.to_thread(post.worker.get, "/metrics"):
                await asyncio.sleep(0.2)
        await trial.judged_past(now_ms() + 3_000)
        await trial.holds()
