"""A worker's start in a container and beside another worker: a read-only file system, SIGTERM, a port in use."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator

import pytest

from streams.demo.embedded_broker import EmbeddedBroker
from streams.runtime.health import SPARE
from streams.runtime.watchdog import EXIT_STUCK
from tests.pipeline.harness import PATIENCE, SLUICEGATE, Site, Worker

READ_ONLY = "for m in / $(cut -d' ' -f5 /proc/self/mountinfo); do mount -o remount,bind,ro $m 2>/dev/null; done"
SANDBOX = ("unshare", "--mount", "sh", "-c", f'{READ_ONLY}; ! touch /tmp/x 2>/dev/null && exec "$@"', "sh")

LAG = "sluicegate_journal_lag_records"


def sandboxes_work() -> bool:
    """Whether this user may make a mount namespace whose file systems are all read-only."""
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*SANDBOX, "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.fixture
async def site(embedded_broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own."""
    async with Site(embedded_broker, f"b{uuid.uuid4().hex[:8]}.") as site:
        yield site


@pytest.mark.slow
@pytest.mark.skipif(not sandboxes_work(), reason="needs a mount namespace, which only root may make here")
async def test_a_worker_needs_no_file_system_to_write_to(site: Site) -> None:
    """All file systems are read-only, the temporary folder too: it becomes ready, and stops in order."""
    worker = site.worker_of((*SANDBOX, SLUICEGATE), (), {"PYTHONDONTWRITEBYTECODE": "1"})
    await worker.ready()
    assert worker.stop() == 0, worker.log()


async def test_a_port_in_use_is_one_sentence(site: Site) -> None:
    """A second worker on the same port ends with 2, without a traceback, and names the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        worker = site.worker(SLUICEGATE_WEB_PORT=port, SLUICEGATE_LOG_LEVEL="warning")
        assert worker.process.wait(PATIENCE) == 2, worker.log()
    assert "Traceback" not in worker.log()
    assert worker.log().splitlines()[-1] == (
        f"sluicegate: port {port} of 127.0.0.1 is in use, perhaps by another worker: give each worker on a machine a "
        "port of its own (--web-port or SLUICEGATE_WEB_PORT; 0 takes any free one)"
    )


@pytest.mark.slow
async def test_a_spare_is_not_ready_and_needs_its_group() -> None:
    """Gauges of lost partitions go; a worker without a partition is no more alive than the broker of its group."""
    with EmbeddedBroker() as broker:
        async with Site(broker.bootstrap, "s.") as site:
            variables = {"SLUICEGATE_WATCHDOG_MS": "15000"}
            first = site.worker("judge", "sequencer", **variables)  # the sequencer writes to the journal
            await first.ready()
            await gauges(first, 2)
            second = site.worker("judge", **variables)
            await gauges(first, 1)
            await gauges(second, 1)
            third = site.worker("judge", **variables)
            await third.ready()
            async with asyncio.timeout(PATIENCE):  # the group chooses the spare
                while len(spares := [one for one in (first, second, third) if SPARE in await one.states()]) != 1:
                    await asyncio.sleep(0.1)
            spare = spares[0]
            assert '"ok":true' in spare.get("/healthz")
            assert broker._child is not None
            os.kill(broker._child.pid, signal.SIGSTOP)
            try:
                assert await asyncio.to_thread(spare.process.wait, PATIENCE) == EXIT_STUCK, spare.log()
            finally:
                os.kill(broker._child.pid, signal.SIGCONT)


async def gauges(worker: Worker, partitions: int) -> None:
    """Wait until a judge shows this many partitions of the journal."""
    async with asyncio.timeout(PATIENCE):
        while (await asyncio.to_thread(worker.get, "/metrics")).count(
            "\nsluicegate_journal_lag_records{"
        ) != partitions:
            await asyncio.sleep(0.1)
