"""One run of one peer: a process on its own core, and the time it took."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest.peers.task import Task
from benchmarks.measure import pinned

ROOT = Path(__file__).parents[2]
MEASURED_CORE = 1
_LONGEST_S = 300.0


class TrialError(Exception):
    """A peer did not finish its task; the message has the end of its output."""


@dataclass(frozen=True)
class Took:
    """Seconds that a process took for `events` events: processor time of all threads, and wall time if known.

    `gc` is how much of a JVM's processor time went into collecting garbage.
    """

    events: int
    cpu: float
    wall: float | None = None
    gc: float | None = None

    @property
    def per_core(self) -> float:
        """Events for each second of processor time."""
        return self.events / self.cpu


def run_peer(command: Sequence[str], task: Task) -> list[Took]:
    """Run a peer. Returns what each pass took: one pass, or several in Java. Raises TrialError."""
    with tempfile.TemporaryDirectory(prefix="sluicegate-bench-") as scratch:
        try:
            done = subprocess.run(  # noqa: S603
                [*command, task.argument()],
                cwd=ROOT,
                env=os.environ | {"TMPDIR": scratch, "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={scratch}"},
                preexec_fn=pinned(MEASURED_CORE),
                capture_output=True,
                text=True,
                timeout=_LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TrialError(f"{' '.join(command)} took longer than {_LONGEST_S:.0f} s") from error
    passes = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"cpu"')]
    if done.returncode or not passes:
        raise TrialError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}{done.stdout[-500:]}")
    return [Took(task.events, **once) for once in passes]
