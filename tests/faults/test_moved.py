"""All brokers get other addresses: workers, actuators and the command line find them again by their bootstrap list."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from streams.demo.embedded_broker import LOOPBACK, free_port
from tests.brokers import KafkaUnavailableError, MavenKafka, skip_or_fail
from tests.faults.proxy import Proxy
from tests.faults.times import PATIENCE, now_ms
from tests.faults.trial import ROLLOUTS, WAITING, Trial

pytestmark = [pytest.mark.faults]

LATE = 100_000  # time went on meanwhile: what was sent then may come after its pane was judged
SOON: dict[str, Any] = {"checks": {"errors": {"sli": "error_rate", "limit": "30%", "window": "10s"}}}
BAKE = "6s"


async def test_a_broker_that_listens_on_another_port(own_kafka: MavenKafka) -> None:
    """Killed and started elsewhere, twice; nothing listens at the address before."""
    places = [own_kafka.bootstrap, *(f"{LOOPBACK}:{free_port()}" for _ in range(2))]
    async with Trial(",".join(places), 120, bake=BAKE, **SOON) as trial:
        await trial.begin(())
        for place in places[1:]:
            await asyncio.sleep(trial.rng.uniform(0.5, 2))
            await asyncio.to_thread(own_kafka.kill)
            own_kafka.move(own_kafka.bootstrap, place)
            await asyncio.to_thread(own_kafka.start)
            await trial.recovered("broker killed and started at another address", now_ms())
        await promoted(trial)
        assert trial.exits == []
        await trial.holds(WAITING | {"advance", "promote"}, late=LATE)


async def test_old_addresses_that_swallow_everything(proxied: tuple[MavenKafka, Proxy, Proxy]) -> None:
    """As where machines are gone and nothing closes their connections: the old address accepts, and never answers."""
    kafka, old, new = proxied
    async with Trial(kafka.bootstrap, 121, bake=BAKE, **SOON) as trial:
        await trial.begin((), SLUICEGATE_BOOTSTRAP=f"{old.address},{new.address}")
        await trial.judged_past(now_ms() + 1_000)
        old.open.clear()
        await asyncio.to_thread(kafka.kill)
        kafka.move(old.address, new.address)
        await asyncio.to_thread(kafka.start)
        await trial.recovered("brokers moved, their old addresses swallow everything", now_ms())
        await promoted(trial)
        assert trial.exits == []
        await trial.holds(WAITING | {"advance", "promote"}, late=LATE)


@pytest.fixture
async def proxied() -> AsyncIterator[tuple[MavenKafka, Proxy, Proxy]]:
    """A Kafka that sends its clients to the first of two proxies, in front of the same listener."""
    places = [free_port(), free_port()]
    try:
        kafka = MavenKafka(listeners={"PROXIED": "PLAINTEXT"}, advertised={"PROXIED": f"{LOOPBACK}:{places[0]}"})
    except KafkaUnavailableError as missing:
        skip_or_fail(missing)
    target = int(kafka.addresses["PROXIED"].rpartition(":")[2])
    try:
        await asyncio.to_thread(kafka.start)
        async with contextlib.AsyncExitStack() as open_proxies:
            old, new = [await open_proxies.enter_async_context(Proxy(place, target)) for place in places]
            yield kafka, old, new
    finally:
        kafka.close()


async def promoted(trial: Trial) -> None:
    """Wait until both rollouts are promoted, which takes the acks of an actuator that reads decisions."""
    async with asyncio.timeout(2 * PATIENCE):
        while True:
            newest = {status["rollout"]: status["phase"] for status in await trial.statuses()}
            if [newest.get(name) for name in ROLLOUTS] == ["promoted"] * len(ROLLOUTS):
                return
            await asyncio.sleep(0.5)
