"""The broker dies, or cannot be reached; and what the watchdog does about a worker that gets nowhere."""

import asyncio
import contextlib
import json
import urllib.error
from collections.abc import AsyncIterator

import pytest

from streams.embedded_broker import free_port
from streams.watchdog import EXIT_STUCK
from tests.brokers import KafkaUnavailableError, MavenKafka, skip_or_fail
from tests.faults.proxy import Proxy
from tests.faults.trial import Trial, now_ms

pytestmark = [pytest.mark.faults]


@pytest.fixture
async def proxied() -> AsyncIterator[Proxy]:
    """The proxy through which alone a broker of the test's own is reached."""
    port = free_port()
    try:
        kafka = MavenKafka(properties={"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"})
    except KafkaUnavailableError as missing:
        skip_or_fail(missing)
    try:
        await asyncio.to_thread(kafka.start)
        async with Proxy(port, kafka.port) as proxy:
            yield proxy
    finally:
        kafka.close()


async def test_a_broker_killed_three_times(own_kafka: MavenKafka) -> None:
    """SIGKILL of the only broker, and a restart on the same data, three times."""
    async with Trial(own_kafka.bootstrap, 20) as trial:
        await trial.begin(())
        for _ in range(3):
            await asyncio.sleep(trial.rng.uniform(0.5, 2))
            await asyncio.to_thread(own_kafka.kill)
            await asyncio.sleep(trial.rng.uniform(0, 3))
            await asyncio.to_thread(own_kafka.start)
            await trial.recovered("broker killed and restarted", now_ms())
        await trial.holds(late=100_000)


async def test_a_broker_that_cannot_be_reached(proxied: Proxy) -> None:
    """Connections cut, packets delayed, then nothing answered for a while: all is caught up with."""
    proxy = proxied
    async with Trial(proxy.address, 21) as trial:
        await trial.begin(())
        for _ in range(2):
            proxy.reset()
            await trial.recovered("connections cut", now_ms())
        proxy.delay_s = 0.15
        await trial.recovered("every packet 150 ms late", now_ms())
        proxy.delay_s = 0.0
        proxy.open.clear()
        await asyncio.sleep(5)
        proxy.open.set()
        await trial.recovered("unreachable for 5 s", now_ms())
        proxy.refusing = True
        proxy.reset()
        await asyncio.sleep(4)
        proxy.refusing = False
        await trial.recovered("connections refused for 4 s", now_ms())
        await trial.holds(late=100_000)


@pytest.mark.parametrize("role", ["ingest", "judge", "sequencer"])
async def test_the_watchdog_ends_a_worker_that_gets_nowhere(proxied: Proxy, role: str) -> None:
    """Kafka says nothing any more: `/healthz` fails, and then the worker ends itself, with a code that says why."""
    proxy = proxied
    async with Trial(proxy.address, 22) as trial:
        worker = trial.site.worker(role, SLUICEGATE_WATCHDOG_MS="24000")
        await worker.ready()
        assert json.loads(await asyncio.to_thread(worker.get, "/healthz"))["ok"]
        proxy.open.clear()
        unhealthy = False
        async with asyncio.timeout(60):
            while worker.process.poll() is None:
                with contextlib.suppress(OSError):
                    try:
                        await asyncio.to_thread(worker.get, "/healthz")
                    except urllib.error.HTTPError as error:
                        unhealthy |= error.code == 503
                await asyncio.sleep(0.5)
        proxy.open.set()
        assert (unhealthy, worker.process.returncode) == (True, EXIT_STUCK), worker.log()[-3000:]
