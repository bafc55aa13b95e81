"""Posts, each filled by one worker at a time, as a supervisor does it; for trials."""

import asyncio
import signal
import sys
from pathlib import Path

from streams.runtime.failpoints import VARIABLE
from tests.faults.times import PATIENCE, now_ms
from tests.pipeline.harness import SLUICEGATE, Site, Worker

ALTERED = Path(__file__).with_name("altered.py")


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Post:
    """A place that some worker fills at any time: when one ends, the next begins, without the fault.

    `exits` gets the exit code of each that ended by itself, or was killed.
    """

    def __init__(
        self,
        site: Site,
        exits: list[int],
        roles: tuple[str, ...],
        fault: str | None,
        altered: str,
        variables: dict[str, str],
    ) -> None:
        self._site, self._exits, self._roles, self._variables = site, exits, roles, variables
        self._command = (sys.executable, str(ALTERED), *altered.split(), "--") if altered else (SLUICEGATE,)
        self._wanted = True
        self.died_at: int | None = None
        self.worker: Worker = self._start({VARIABLE: fault} if fault else {})

    def _start(self, extra: dict[str, str]) -> Worker:
        return self._site.worker_of(self._command, self._roles, self._variables | extra)

    async def keep(self) -> None:
        """Start a worker whenever the one before has ended."""
        while True:
            if self._wanted and self.worker.process.poll() is not None:
                self.died_at = now_ms()
                self._exits.append(self.worker.process.returncode)
                self.worker = self._start({})
            await asyncio.sleep(0.05)

    async def ready(self) -> None:
        """Wait until the present worker has joined its groups."""
        await self.worker.ready()

    async def died(self) -> int:
        """Wait until a worker has died here; returns when that was."""
        async with asyncio.timeout(PATIENCE):
            while self.died_at is None:
                await asyncio.sleep(0.05)
        died, self.died_at = self.died_at, None
        return died

    def signal(self, number: signal.Signals) -> None:
        """Send the present worker a signal."""
        self.worker.process.send_signal(number)

    async def stopped(self) -> int:
        """Wait until the present worker is stopped by SIGSTOP; returns when that was."""
        async with asyncio.timeout(PATIENCE):
            while not is_stopped(self.worker.process.pid):
                await asyncio.sleep(0.02)
        return now_ms()

    async def leave(self) -> int:
        """Stop the worker and start no other; returns its exit code."""
        self._wanted = False
        return await asyncio.to_thread(self.worker.stop)
