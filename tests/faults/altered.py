"""`sluicegate`, but with a wrong clock, or as another build would be: `altered.py ALTERATION=VALUE... -- ARGUMENTS`.

`skew_ms` moves this process's wall clock, `skew_file` does so by what the file has at any time; `chunk_offsets` is the
size of ingest's chunks, `memory` a limit of its address space in bytes. The errors of the rollout `lenient` are no
errors to this build.
"""

import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main() -> None:
    """Alter, and run the command."""
    cut = sys.argv.index("--")
    altered = dict(word.split("=") for word in sys.argv[1:cut])
    if {"skew_ms", "skew_file"} & altered.keys():
        from streams import clock

        file, fixed = altered.get("skew_file"), int(altered.get("skew_ms", 0))

        def skewed_ns() -> int:
            skew_ms = int(Path(file).read_text()) if file else fixed
            return time.time_ns() + skew_ms * 1_000_000  # noqa: TID251

        vars(clock)["time"] = SimpleNamespace(time_ns=skewed_ns)
    if memory := altered.get("memory"):
        resource.setrlimit(resource.RLIMIT_AS, (int(memory),) * 2)
    if size := altered.get("chunk_offsets"):
        from streams.ingest import cutting

        cutting.CHUNK_OFFSETS = int(size)
    if lenient := altered.get("lenient"):
        _judge_without_errors(lenient)
    from streams.cli.main import main as sluicegate

    sys.argv = ["sluicegate", *sys.argv[cut + 1 :]]
    sluicegate()


def _judge_without_errors(rollout: str) -> None:
    from gates.gate import Gate
    from gates.machine.rollout import Moment
    from gates.panes import CLASS_POSITION, NO_COUNTS, Cell, Pane
    from gates.statuses import NO_STATUSES

    judge = Gate.pane

    def spared(cell: Cell) -> Cell:
        counts = list(NO_COUNTS)
        counts[CLASS_POSITION["2xx"]] = cell.requests
        return replace(cell, counts=tuple(counts), statuses=NO_STATUSES)

    def pane(gate: Gate, given: Pane, moment: Moment) -> Any:
        if gate.state.policy.rollout == rollout:
            given = replace(given, cells={name: spared(cell) for name, cell in given.cells.items()})
        return judge(gate, given, moment)

    setattr(Gate, "pane", pane)  # noqa: B010 - a build that judges otherwise


if __name__ == "__main__":
    main()
