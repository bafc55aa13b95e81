"""An actuator of a trial: a real `sluicegate actuate file` process, started again when it dies."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.faults.times import PATIENCE
from tests.pipeline.harness import SLUICEGATE, Site


class Carrier:
    """Carries out what is decided, and acknowledges it, from its construction to `close`."""

    def __init__(self, site: Site, bootstrap: str, variables: Mapping[str, str] | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="carrier-"))
        self._variables = {
            "SLUICEGATE_BOOTSTRAP": bootstrap,
            "SLUICEGATE_TOPIC_PREFIX": site.settings.topic_prefix,
            **(variables or {}),
        }
        self.path = self._folder / "weights.json"
        self._exits: list[int] = []
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [SLUICEGATE, "actuate", "file", str(self.path)],
                env=os.environ | self._variables,
                stderr=log,
            )

    async def keep(self) -> None:
        """Start it again whenever it has ended."""
        while True:
            if (code := self.process.poll()) is not None:
                self._exits.append(code)
                self.process = self._start()
            await asyncio.sleep(0.05)

    def ended(self) -> list[int]:
        """The exit codes of the lives that ended by themselves: the trial kills them, or asks them to stop (0)."""
        codes = [*self._exits, self.process.poll()]
        return [code for code in codes if code not in (None, 0, -signal.SIGKILL)]

    @property
    def deaths(self) -> int:
        """How often it was started again."""
        return len(self._exits)

    def weights(self) -> dict[str, Any]:
        """The applied orders, by rollout."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return found

    async def follows(self, newest: dict[str, dict[str, Any]]) -> None:
        """Wait until the applied orders are these decisions, by rollout."""
        wanted = {name: (each["id"], each["weights"]) for name, each in newest.items()}
        async with asyncio.timeout(PATIENCE):
            while {name: (each["id"], each["weights"]) for name, each in self.weights().items()} != wanted:
                await asyncio.sleep(0.2)

    def log(self) -> str:
        """What it logged."""
        return (self._folder / "log").read_text()

    def close(self) -> None:
        """End it, and remove its files."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
