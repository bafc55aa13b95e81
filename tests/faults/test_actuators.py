"""Actuators that are gone, slow, repeat themselves or lie."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tests.faults.times import note, now_ms
from tests.faults.trial import WAITING, Trial

pytestmark = [pytest.mark.faults]

SLOW_S = 3.5


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
        allowed = WAITING | {"pause"} | ({"advance", "promote"} if kind == "repeating" else set())
        assert actions <= allowed
        assert any(status["confirmed"] for status in await trial.statuses()) == (kind == "repeating")
        note("an actuator that is no good")
        await trial.holds(frozenset(allowed))


async def test_an_actuator_that_is_slow(kafka_broker: str) -> None:
    """Each ack comes after its deadline: the order was sent again meanwhile, under its id, and one ack confirms it.

    No stage bakes before its weights are in force, and further acks of an order sent again do no harm.
    """
    bake_ms = 2_000
    soon = {
        "commands": {"ack_within": "1s", "tries": 5},
        "checks": {"errors": {"sli": "error_rate", "limit": "30%", "window": "10s"}},
    }
    async with Trial(kafka_broker, 37, bake="2s", acknowledge=False, **soon) as trial:
        await trial.begin(())
        acked: dict[str, int] = {}
        heard: list[str] = []

        async def carry_out(decision: dict[str, Any]) -> None:
            await asyncio.sleep(SLOW_S)
            acked.setdefault(decision["id"], now_ms())
            await trial.site.acknowledge(decision)

        async def follow() -> None:
            async with asyncio.TaskGroup() as under_way, trial.site.following(trial.site.topics.decisions) as decisions:
                async for decision in decisions:
                    heard.append(decision["id"])
                    under_way.create_task(carry_out(decision))

        following = asyncio.create_task(follow())
        async with asyncio.timeout(40):
            while not all(status["phase"] == "promoted" for status in await newest(trial)):
                assert not following.done()
                await asyncio.sleep(0.5)
        following.cancel()
        for decisions in (await trial.decided()).values():
            acted = [each for each in decisions if each["action"] in ("start", "advance", "promote")]
            assert [each["action"] for each in acted] == ["start", "advance", "promote"]
            for ordered, followed in pairwise(acted):
                assert heard.count(ordered["id"]) >= 1 + int(SLOW_S)  # once, and again at each deadline
                assert followed["event_time"] >= acked[ordered["id"]] + bake_ms - 1_000
            assert not any(each["escalate"] for each in decisions)
        note("an actuator slower than its deadline")
        await trial.holds(WAITING | {"advance", "promote"})


async def newest(trial: Trial) -> list[dict[str, Any]]:
    """The newest status of each rollout."""
    return list({status["rollout"]: status for status in await trial.statuses()}.values())
