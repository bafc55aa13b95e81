"""The broker dies or cannot be reached; and what the watchdog does with a worker that makes no headway."""

import asyncio
import contextlib
import urllib.error

import pytest

from streams.runtime.watchdog import EXIT_STUCK
from tests.brokers import MavenKafka
from tests.faults.line import Line
from tests.faults.proxy import Proxy
from tests.faults.times import PATIENCE, now_ms
from tests.faults.trial import Trial
from tests.pipeline.harness import Worker

pytestmark = [pytest.mark.faults]

LATE = 100_000  # time went on meanwhile: what was sent then may come after its pane was judged


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
        await trial.holds(late=LATE)


async def test_a_broker_that_is_hard_to_reach(line: Line[Proxy]) -> None:
    """Connections cut, packets delayed, connections refused while requests continue: the worker catches up."""
    proxy = line.proxy
    async with Trial(line.direct, 21) as trial:
        await trial.begin((), **line.worker)
        for _ in range(2):
            proxy.reset()
            await trial.recovered("connections cut", now_ms())
        proxy.delay_s = 0.15
        await trial.recovered("every packet 150 ms late", now_ms())
        proxy.delay_s = 0.0
        proxy.refusing = True
        proxy.reset()
        await asyncio.sleep(4)
        proxy.refusing = False
        await trial.recovered("connections refused for 4 s", now_ms())
        await trial.holds(late=LATE)


async def test_a_broker_that_answers_nothing_for_a_minute(line: Line[Proxy]) -> None:
    """Nothing comes back for 60 s, longer than any request waits."""
    async with Trial(line.direct, 23) as trial:
        (post,) = await trial.begin((), **line.worker)
        await trial.judged_past(now_ms() + 1_000)
        line.proxy.open.clear()
        await asyncio.sleep(60)
        line.proxy.open.set()
        await trial.recovered("unreachable for 60 s", now_ms())
        async with asyncio.timeout(PATIENCE):
            while not await healthy(post.worker):
                await asyncio.sleep(0.5)
        assert trial.exits == []
        await trial.holds(late=LATE)


@pytest.mark.parametrize("role", ["ingest", "judge", "sequencer"])
async def test_the_watchdog_ends_a_worker_that_gets_nowhere(line: Line[Proxy], role: str) -> None:
    """Kafka no longer answers: `/healthz` fails, and then the worker ends itself, with an exit code for this."""
    async with Trial(line.direct, 22) as trial:
        worker = trial.site.worker(role, SLUICEGATE_WATCHDOG_MS="24000", **line.worker)
        await worker.ready()
        assert await healthy(worker)
        line.proxy.open.clear()
        unhealthy = False
        async with asyncio.timeout(2 * PATIENCE):
            while worker.process.poll() is None:
                with contextlib.suppress(OSError):
                    unhealthy |= not await healthy(worker)
                await asyncio.sleep(0.5)
        line.proxy.open.set()
        assert (unhealthy, worker.process.returncode) == (True, EXIT_STUCK), worker.log()[-3000:]


async def healthy(worker: Worker) -> bool:
    """Whether `/healthz` reports a healthy worker."""
    try:
        await asyncio.to_thread(worker.get, "/healthz")
    except urllib.error.HTTPError as error:
        return error.code != 503
    return True
