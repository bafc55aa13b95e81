"""A worker's start in a container and beside another worker: a read-only file system, SIGTERM, a port in use."""

import shutil
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator

import pytest

from tests.pipeline.harness import PATIENCE, SLUICEGATE, Site

READ_ONLY = "for m in / $(cut -d' ' -f5 /proc/self/mountinfo); do mount -o remount,bind,ro $m 2>/dev/null; done"
SANDBOX = ("unshare", "--mount", "sh", "-c", f'{READ_ONLY}; ! touch /tmp/x 2>/dev/null && exec "$@"', "sh")


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
