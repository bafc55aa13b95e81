"""Input that is wrong, late, too large or too much, or of a newer build."""

import asyncio
import json
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from connectors.kafka import clients
from streams import journal
from tests.faults.times import PATIENCE, SEEDS, note, now_ms
from tests.faults.topics import set_topic
from tests.faults.trial import ROLLOUTS, Trial
from tests.pipeline.harness import metric

pytestmark = [pytest.mark.faults]

LATE = 100_000  # what comes in between may take longer to read than its neighbours wait


@pytest.mark.parametrize("seed", SEEDS)
async def test_repeats_late_events_and_producers_clocks(kafka_broker: str, seed: int) -> None:
    """Producers that retry, events out of order and seconds late, and one producer a day in the future."""
    async with Trial(kafka_broker, 30 + seed) as trial:
        await trial.begin(())

        def mangled(event: dict[str, Any]) -> dict[str, Any] | bytes:
            fate = trial.rng.random()
            if fate < 0.02:
                return event | {"ts": event["ts"] - trial.rng.randrange(3_000, 20_000)}  # too late to be judged
            if fate < 0.04:
                return event | {"ts": event["ts"] + 86_400_000}
            if fate < 0.06:  # a repeat is a request of its own: nothing distinguishes it
                return b"\n".join([json.dumps(event).encode()] * 2)
            return event

        trial.mangle = mangled
        await asyncio.sleep(8)
        trial.mangle = lambda event: event
        await trial.judged_past(now_ms() + 1_000)
        note("late events, out of order, clocks a day ahead")
        await trial.holds(late=LATE)


POISON = {
    b"{": "bad_json",
    b"\xff\xfe\x00": "bad_encoding",
    b"[" * 100_000: "too_deep",
    b'{"a":' * 50_000: "too_deep",
    b"": "empty",
    b"null": "not_an_object",
    b"1e999": "wrong_field",
    b'{"ts":1767225600123,"rollout":"checkout-v2","cohort":"canary","status":200,"latency_ms":NaN}': "bad_json",
    b'{"ts":1767225600123,"rollout":"checkout-v2","cohort":"canary","status":200,"latency_ms":-1}': "wrong_field",
    # Without a time of its own it counts as unreadable now: against a cohort that the trial does not recount.
    b'{"ts":1767225600,"rollout":"checkout-v2","cohort":"shadow","status":200}': "timestamp_in_seconds",
}
MEBIBYTE = 1_048_576


def mixed(event: dict[str, Any]) -> bytes:
    """A good line beside a bad one, and one of no cohort."""
    untagged = {key: event[key] for key in event if key != "cohort"}
    return b"\n".join([json.dumps(event).encode(), b"{", json.dumps(untagged).encode()])


async def test_poison(kafka_broker: str) -> None:
    """One message in a hundred malformed, names without end, in every codec: counted is what the recount gives.

    So are the dead letters, by reason, and what is beyond the bounds of a chunk.
    """
    async with Trial(kafka_broker, 32) as trial:
        (post,) = await trial.begin(())
        trial.malformed = POISON

        def poisoned(event: dict[str, Any]) -> dict[str, Any] | bytes:
            fate = trial.rng.random()
            if fate < 0.01:
                return trial.rng.choice([each for each in POISON if each])
            return mixed(event) if fate < 0.012 else event

        trial.mangle = poisoned
        event = {"ts": now_ms(), "rollout": ROLLOUTS[0], "cohort": "stable", "status": 200, "latency_ms": 1}
        for each in (*POISON, b"x" * 3 * MEBIBYTE, mixed(event)):  # of each kind one at least, whatever chance brings
            await trial.send(each, now_ms())
        for codec in ("gzip", "snappy", "lz4", "zstd"):
            async with clients.producer(trial.site.settings, compression_type=codec, linger_ms=20) as producer:
                now = now_ms()
                lines = [
                    json.dumps({"ts": now, "rollout": rollout, "cohort": cohort, "status": 200, "latency_ms": 1})
                    for rollout, cohort in [(ROLLOUTS[0], f"cohort-{codec}-{n}") for n in range(25_000)]
                    + [(f"rollout-{codec}-{n}", "stable") for n in range(3_000)]
                ]
                for at in range(0, len(lines), 1_000):
                    batch = "\n".join(lines[at : at + 1_000]).encode()
                    await producer.send(trial.site.topics.events, batch, partition=0, timestamp_ms=now)
        await trial.recovered("100,000 cohorts, 12,000 rollouts", now_ms())
        trial.mangle = lambda event: event
        await trial.judged_past(now_ms() + 1_000)
        assert trial.exits == []
        page = await asyncio.to_thread(post.worker.get, "/metrics")
        true = await trial.holds(late=LATE)
        assert set(true.dead) == {*POISON.values(), "oversized", "missing_field"}
        assert sum(number for (_, cohort, _), number in true.requests.items() if cohort == "") > 90_000
        topic = trial.site.topics.events
        for reason, number in true.dead.items():
            assert metric(page, f'sluicegate_dead_letters_total{{reason="{reason}",topic="{topic}"}}') >= number
        assert metric(page, "sluicegate_refused_events_total") >= true.refused


async def test_messages_that_are_larger_than_a_worker_takes(kafka_broker: str) -> None:
    """The topic takes 16 MB: messages of 10 MB are dead letters, and the worker counts on, behind and between them."""
    async with Trial(kafka_broker, 39) as trial:
        with pytest.raises(MessageSizeTooLargeError):  # our own clients do not send it
            await trial.send(b"x" * 10 * MEBIBYTE, now_ms())
        await set_topic(trial.site, "events", **{"max.message.bytes": str(16 * MEBIBYTE)})
        await trial.begin(())
        many = ",".join(['{"ts":1767225600123,"rollout":"checkout-v2","cohort":"canary","status":200}'] * 140_000)
        huge = [b"x" * 10 * MEBIBYTE, f"[{many}]".encode(), b"x" * MEBIBYTE, b" " * (MEBIBYTE + 1)]
        trial.malformed = {huge[2]: "bad_json"}
        async with clients.producer(trial.site.settings, max_request_size=16 * MEBIBYTE) as producer:
            for turn in range(6):
                value = huge[turn % 4]
                await producer.send_and_wait(trial.site.topics.events, value, partition=turn % 3, timestamp_ms=now_ms())
        await trial.recovered("six messages of 1 to 10 MB", now_ms())
        true = await trial.holds(late=LATE)
        assert trial.exits == []
        assert true.dead == {"oversized": 5, "bad_json": 1}
        letters = [dict(letter.headers) for letter in await trial.site.read(trial.site.topics.dead_letters)]
        whole = {(each["partition"], each["offset"]): int(each["truncated_from"]) for each in letters}
        assert sorted(whole.values()) == sorted(len(huge[turn % 4]) for turn in range(6))


async def test_messages_with_unknown_fields(kafka_broker: str) -> None:
    """Fields that a newer build adds to events, starts and acks are ignored; the rest is read."""
    async with Trial(kafka_broker, 36, acknowledge=False) as trial:
        trial.mangle = lambda event: event | {"invented": {"later": [1, 2, 3]}}
        await trial.begin(())
        await trial.judged_past(now_ms())
        for decisions in (await trial.decided()).values():
            ack = json.loads(journal.encode(an_ack(decisions[-1]))) | {"invented": True}
            await trial.site.producer.send_and_wait(
                trial.site.topics.acks, json.dumps(ack).encode(), key=ack["rollout"].encode()
            )
        async with asyncio.timeout(PATIENCE):
            while {each["rollout"] for each in await trial.statuses() if each["confirmed"]} != set(ROLLOUTS):
                await asyncio.sleep(0.2)
        await trial.holds()


def an_ack(decision: dict[str, Any]) -> journal.Ack:
    """The ack of an actuator that did as ordered."""
    known = {name: decision[name] for name in ("id", "rollout", "epoch", "sequence", "weights")}
    return journal.Ack(**known, actuator="tester", status="applied", at=now_ms())
