"""Input that is wrong, late, too large or too much; actuators that are gone or lie; topics that lose data."""

import asyncio
import json
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import MessageSizeTooLargeError

from connectors import kafka
from streams import journal
from streams.settings import Settings
from streams.topics import ensure
from tests.faults.trial import ROLLOUTS, Trial, now_ms
from tests.pipeline.harness import PARTITIONS, metric

pytestmark = [pytest.mark.faults]


@pytest.mark.parametrize("seed", [30, 31])
async def test_repeats_late_events_and_producers_clocks(kafka_broker: str, seed: int) -> None:
    """Producers that retry, events out of order and seconds late, and one producer a day in the future."""
    async with Trial(kafka_broker, seed) as trial:
        await trial.begin(())

        def mangled(event: dict[str, Any]) -> dict[str, Any] | bytes:
            fate = trial.rng.random()
            if fate < 0.02:
                return event | {"ts": event["ts"] - trial.rng.randrange(3_000, 20_000)}  # too late to be judged
            if fate < 0.04:
                return event | {"ts": event["ts"] + 86_400_000}
            if fate < 0.06:  # a repeat is a request of its own: nothing tells it from one
                return b"\n".join([json.dumps(event).encode()] * 2)
            return event

        trial.mangle = mangled
        await asyncio.sleep(8)
        trial.mangle = lambda event: event
        await trial.judged_past(now_ms() + 1_000)
        await trial.holds(late=100_000, clamped=True)


async def test_poison(kafka_broker: str) -> None:
    """One message in a hundred malformed, 10 MB at once, names without end, deep JSON, no UTF-8; in every codec."""
    async with Trial(kafka_broker, 32) as trial:
        (post,) = await trial.begin(())
        poison: list[bytes] = [b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 50_000, b"", b"null", b"1e999"]
        trial.mangle = lambda event: trial.rng.choice(poison) if trial.rng.random() < 0.01 else event
        with pytest.raises(MessageSizeTooLargeError):
            await trial.send(b"x" * 10 * 1_048_576, now_ms())
        await trial.send(b"x" * 3 * 1_048_576, now_ms())
        for codec in ("gzip", "snappy", "lz4", "zstd"):
            async with kafka.producer(trial.site.settings, compression_type=codec, linger_ms=20) as producer:
                now = now_ms()
                lines = [
                    json.dumps({"ts": now, "rollout": rollout, "cohort": cohort, "status": 200, "latency_ms": 1})
                    for rollout, cohort in [(ROLLOUTS[0], f"cohort-{n}") for n in range(25_000)]
                    + [(f"rollout-{codec}-{n}", "stable") for n in range(3_000)]
                ]
                for at in range(0, len(lines), 1_000):
                    batch = "\n".join(lines[at : at + 1_000]).encode()
                    await producer.send(trial.site.topics.events, batch, partition=0, timestamp_ms=now)
        await trial.recovered("100,000 cohorts, 12,000 rollouts", now_ms())
        trial.mangle = lambda event: event
        page = await asyncio.to_thread(post.worker.get, "/metrics")
        topic = trial.site.topics.events
        for reason in ("oversized", "bad_json", "bad_encoding"):
            assert metric(page, f'sluicegate_dead_letters_total{{reason="{reason}",topic="{topic}"}}') >= 1
        await trial.judged_past(now_ms() + 1_000)
        await trial.decided()
        assert post.worker.process.poll() is None
        assert trial.exits == []


@pytest.mark.parametrize("kind", ["dead", "repeating", "of another epoch", "lying"])
async def test_an_actuator_that_is_no_good(kafka_broker: str, kind: str) -> None:
    """No ack, the same ack many times, one for another epoch, one with other weights: only the true one confirms."""
    async with Trial(kafka_broker, 33, bake="3s", acknowledge=False) as trial:
        await trial.begin(())

        async def acknowledge(**changes: Any) -> None:
            for decisions in (await trial.decided()).values():
                await trial.site.acknowledge(decisions[-1] | changes)

        until = now_ms() + 8_000
        while now_ms() < until:
            if kind == "of another epoch":
                await acknowledge(epoch=7)
            elif kind == "lying":
                await acknowledge(weights={"stable": 0, "canary": 100})
            elif kind == "repeating":
                await acknowledge()
                await acknowledge()
            await asyncio.sleep(0.3)
        actions = {each["action"] for decisions in (await trial.decided()).values() for each in decisions}
        allowed = {"start", "hold", "resume", "pause"} | ({"advance", "promote"} if kind == "repeating" else set())
        assert actions <= allowed
        statuses = [json.loads(record.value) for record in await trial.site.read(trial.site.topics.status)]
        assert any(status["confirmed"] for status in statuses) == (kind == "repeating")
        await trial.holds(frozenset(allowed))


async def test_snapshots_that_are_gone(kafka_broker: str) -> None:
    """The snapshots topic is deleted, and then the judge killed: the next folds the journal from its beginning."""
    async with Trial(kafka_broker, 34) as trial:
        (judge, _, _) = await trial.begin(("judge",), ("ingest",), ("sequencer",))
        await trial.judged_past(now_ms() + 2_000)
        client = kafka.admin(trial.site.settings)
        await client.start()
        await client.delete_topics([trial.site.topics.snapshots])
        await client.close()
        await asyncio.sleep(1)
        judge.worker.kill()
        since = await judge.died()
        await ensure(Settings(**trial.site.settings.model_dump()), replication=1, partitions=PARTITIONS)
        await trial.recovered("snapshots deleted, judge killed", since)
        assert "judging on from offset 0" in judge.worker.log()
        await trial.holds()


async def test_a_truncated_journal_is_not_guessed_from(kafka_broker: str) -> None:
    """Snapshots gone and the journal's beginning too: nothing is decided any more, and health says why."""
    async with Trial(kafka_broker, 35) as trial:
        (judge, _, _) = await trial.begin(("judge",), ("ingest",), ("sequencer",))
        await trial.judged_past(now_ms() + 1_000)
        assert await judge.leave() == 0
        before = await trial.site.decisions()
        client = kafka.admin(trial.site.settings)
        await client.start()
        await client.delete_topics([trial.site.topics.snapshots])
        ends = {
            TopicPartition(trial.site.topics.journal, number): RecordsToDelete(before_offset=20) for number in (0, 1)
        }
        await client.delete_records(ends)
        await client.close()
        await asyncio.sleep(1)
        judge = trial.post("judge")
        async with asyncio.timeout(30):
            while "was truncated: it begins at offset 20, needed is 0" not in judge.worker.log():
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        with pytest.raises(OSError, match="503"):
            await asyncio.to_thread(judge.worker.get, "/healthz")
        assert await trial.site.decisions() == before
        assert trial.exits == []


async def test_words_with_fields_that_are_unknown(kafka_broker: str) -> None:
    """What a newer build adds to events, starts and acks is let pass; the rest is understood."""
    async with Trial(kafka_broker, 36, acknowledge=False) as trial:
        trial.mangle = lambda event: event | {"invented": {"later": [1, 2, 3]}}
        await trial.begin(())
        await trial.judged_past(now_ms())
        for decisions in (await trial.decided()).values():
            ack = json.loads(journal.encode(an_ack(decisions[0]))) | {"invented": True}
            await trial.site.producer.send_and_wait(
                trial.site.topics.acks, json.dumps(ack).encode(), key=ack["rollout"].encode()
            )
        await trial.judged_past(now_ms() + 1_000)
        status = [json.loads(record.value) for record in await trial.site.read(trial.site.topics.status)]
        assert {each["rollout"] for each in status if each["confirmed"]} == set(ROLLOUTS)
        await trial.holds()


def an_ack(decision: dict[str, Any]) -> journal.Ack:
    """The ack of an actuator that did as it was told."""
    known = {name: decision[name] for name in ("id", "rollout", "epoch", "sequence", "weights")}
    return journal.Ack(**known, actuator="tester", status="applied", at=now_ms())
