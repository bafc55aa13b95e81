"""Actuators that are absent, slow or killed, or whose acks are repeated or wrong."""

import asyncio
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tests.brokers import MavenKafka
from tests.faults.test_sources import REFUSED, break_canary, rolled_back
from tests.faults.times import PATIENCE, SEEDS, note, now_ms
from tests.faults.trial import ROLLOUTS, WAITING, Trial

pytestmark = [pytest.mark.faults]

LATE = 100_000  # time went on meanwhile: what was sent then may come after its pane was judged
AWAY_S = 22
TIMES = 4
"""How often the slow actuator gets an order before it acknowledges it."""
ACTED = ("start", "advance", "promote")


@pytest.mark.parametrize("kind", ["dead", "repeating", "of another epoch", "lying"])
async def test_an_actuator_that_is_no_good(kafka_broker: str, kind: str) -> None:
    """No ack, the same ack many times, one for another epoch, one with other weights: only the true one confirms."""
    async with Trial(kafka_broker, 33, bake="3s", acknowledge=False) as trial:
        await trial.begin(())

        async def acknowledge(**changes: Any) -> None:
            for decisions in (await trial.decided()).values():
                await trial.site.acknowledge(decisions[-1] | changes)

        while len(await trial.decided()) < len(ROLLOUTS):
            await asyncio.sleep(0.1)
        until, patience = now_ms() + 8_000, now_ms() + int(PATIENCE * 1000)
        while now_ms() < until or (kind == "repeating" and not await confirmed(trial) and now_ms() < patience):
            if kind == "of another epoch":
                await acknowledge(epoch=7)
            elif kind == "lying":
                await acknowledge(weights={"stable": 0, "canary": 100})
            elif kind == "repeating":
                await acknowledge()
                await acknowledge()
            await asyncio.sleep(0.3)
        actions = {each["action"] for decisions in (await trial.decided()).values() for each in decisions}
        allowed = WAITING | {"pause"} | ({"advance", "promote"} if kind == "repeating" else set())
        assert actions <= allowed
        assert await confirmed(trial) == (kind == "repeating")
        note("an actuator that is no good")
        await trial.holds(frozenset(allowed))


async def test_an_actuator_that_is_slow(kafka_broker: str) -> None:
    """An ack comes when its order was seen four times: sent again at each deadline, and one ack confirms it.

    No stage bakes before its weights are in force, and further acks of an order sent again do no harm.
    """
    bake_ms = 2_000
    soon = {
        "commands": {"ack_within": "1s", "tries": 20},
        "checks": {"errors": {"sli": "error_rate", "limit": "30%", "window": "10s"}},
    }
    async with Trial(kafka_broker, 37, bake="2s", acknowledge=False, **soon) as trial:
        await trial.begin(())
        acked: dict[str, int] = {}
        seen: Counter[str] = Counter()

        async def follow() -> None:
            async with trial.site.following(trial.site.topics.decisions, patience=2 * PATIENCE) as decisions:
                async for decision in decisions:
                    seen[decision["id"]] += 1
                    if seen[decision["id"]] >= TIMES or decision["action"] not in ACTED:
                        acked.setdefault(decision["id"], now_ms())
                        await trial.site.acknowledge(decision)

        following = asyncio.create_task(follow())
        async with asyncio.timeout(2 * PATIENCE):
            while [status["phase"] for status in await newest(trial)] != ["promoted"] * len(ROLLOUTS):
                assert not following.done()
                await asyncio.sleep(0.5)
            while not all(status["confirmed"] for status in await newest(trial)):
                await asyncio.sleep(0.5)
        following.cancel()
        for decisions in (await trial.decided()).values():
            acted = [each for each in decisions if each["action"] in ACTED]
            assert [each["action"] for each in acted] == list(ACTED)
            for ordered, followed in pairwise(acted):
                assert seen[ordered["id"]] >= TIMES  # once, and again at each deadline
                assert followed["event_time"] >= acked[ordered["id"]] + bake_ms - 1_000
            assert not any(each["escalate"] for each in decisions)
        note("an actuator slower than its deadline")
        await trial.holds(WAITING | {"advance", "promote"})


@pytest.mark.parametrize("seed", SEEDS)
async def test_an_actuator_that_is_killed(kafka_broker: str, seed: int) -> None:
    """Its process dies at any moment, four times: the next one puts in force what is newest; nothing is stuck."""
    soon: dict[str, Any] = {"checks": {"errors": {"sli": "error_rate", "limit": "30%", "window": "10s"}}}
    async with Trial(kafka_broker, 80 + seed, bake="4s", **soon) as trial:
        await trial.begin(())
        assert trial.carrier is not None
        for _ in range(4):
            await asyncio.sleep(trial.rng.uniform(0.5, 4))
            trial.carrier.process.kill()
        async with asyncio.timeout(2 * PATIENCE):
            while [status["phase"] for status in await newest(trial)] != ["promoted"] * len(ROLLOUTS):
                await asyncio.sleep(0.5)
        note("an actuator killed now and then")
        await trial.holds(WAITING | {"advance", "promote"})


async def test_actuators_whose_broker_is_away(own_kafka: MavenKafka) -> None:
    """Kafka is killed for longer than an actuator waits for an answer: none of four ends, and all get a rollback.

    The candidates begin to fail as the broker goes.
    """
    soon: dict[str, Any] = {"checks": {"errors": {"sli": "error_rate", "limit": "30%", "window": "10s"}}}
    async with Trial(own_kafka.bootstrap, 85, bake="60s", **soon) as trial:
        await trial.begin(())
        others = [trial.carry(own_kafka.bootstrap) for _ in range(3)]
        await trial.judged_past(now_ms() + 1_000)
        for carrier in others:
            await carrier.follows({name: known[-1] for name, known in (await trial.decided()).items()})
        trial.mangle = break_canary
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.sleep(AWAY_S)
        await asyncio.to_thread(own_kafka.start)
        since = now_ms()
        async with asyncio.timeout(PATIENCE):
            while not all(await rolled_back(trial)):
                await asyncio.sleep(0.2)
        for carrier in trial.carriers:
            await carrier.follows({name: known[-1] for name, known in (await trial.decided()).items()})
        note("the broker away for 22 s, with a bad canary: rolled back", (now_ms() - since) / 1000)
        assert [carrier.ended() for carrier in trial.carriers] == [[]] * 4
        assert trial.exits == []
        await trial.holds(REFUSED, late=LATE)


async def confirmed(trial: Trial) -> bool:
    """Whether weights were ever reported as confirmed."""
    return any(status["confirmed"] for status in await trial.statuses())


async def newest(trial: Trial) -> list[dict[str, Any]]:
    """The newest status of each rollout."""
    return list({status["rollout"]: status for status in await trial.statuses()}.values())
