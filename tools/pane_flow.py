"""How one quiet pane flows through the code: the files and functions that it passes, and the moves between files.

A judge with one running rollout of two checks is fed as ingest would feed it. When it is warm, one more pane is closed
under the interpreter's profiler. Only the project's own files count. Run it as `python -m tools.pane_flow`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from gates.rules import CURRENT
from streams.journal import decode
from streams.judge.fold import Fold

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("gates", "connectors", "streams")

BEGAN_MS = 1_767_225_600_000
PANE_MS = 1_000
WARM_UP_PANES = 90
"""The longest window is 30 s, so every window is full by then, and what is made on first use has been made."""

ROLLOUT = "quiet"
POLICY = {
    "schema": "sluicegate.policy/v1",
    "rollout": ROLLOUT,
    "cohorts": {"baseline": "stable", "candidate": "canary"},
    "stages": [{"name": "fifth", "weight": 0.2, "bake": "24h"}],
    "checks": {
        "errors": {"sli": "error_rate", "ratio": 1.25, "limit": "5%", "window": "30s"},
        "p95": {"sli": "latency", "quantile": 0.95, "ratio": 1.25, "limit": "800ms", "window": "30s"},
    },
}
LATENCY_BUCKETS = (500, 510, 520)


GATE = ("gates/gate.py", "Gate.pane")
"""The function that judges one pane; what it calls is the gate's part of the flow."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What one pane passed; `moves` counts each call from one file of the project into another."""

    files: int
    functions: int
    calls: int
    moves: int
    functions_by_file: dict[str, int]
    calls_by_file: dict[str, int]


@dataclass(slots=True)
class _Trace:
    """A profile function: `stack` has the project's file of each open frame, None for the frames of others."""

    stack: list[str | None] = field(default_factory=list)
    functions: set[tuple[str, str]] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    moves: int = 0

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self._enter(_project_file(frame.f_code.co_filename), frame.f_code.co_qualname)
        elif event == "return" and self.stack:
            self.stack.pop()

    def _enter(self, file: str | None, name: str) -> None:
        if file is not None:
            caller = next((known for known in reversed(self.stack) if known is not None), file)
            self.moves += file != caller
            # Comprehensions are frames of their own in Python 3.11 and none in 3.12, so they are no functions here.
            if not name.endswith(">"):
                self.calls[file] += 1
                self.functions.add((file, name))
        self.stack.append(file)

    def flow(self) -> Flow:
        """The figures so far."""
        by_file = Counter(file for file, _ in self.functions)
        return Flow(
            len(by_file),
            len(self.functions),
            self.calls.total(),
            self.moves,
            dict(by_file.most_common()),
            dict(self.calls.most_common()),
        )


@dataclass(slots=True)
class _GateTrace:
    """A profile function that traces only while `GATE` runs."""

    trace: _Trace = field(default_factory=_Trace)
    gate: FrameType | None = None

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if self.gate is None and event == "call" and frame.f_code.co_qualname == GATE[1]:
            self.gate = frame if _project_file(frame.f_code.co_filename) == GATE[0] else None
        if self.gate is not None:
            self.trace(frame, event, argument)
        if frame is self.gate and event == "return":
            self.gate = None


def _project_file(path: str) -> str | None:
    """The path from the root of the project, None where the file is not in one of its packages."""
    try:
        relative = Path(path).relative_to(ROOT)
    except ValueError:
        return None
    return relative.as_posix() if relative.parts[0] in PACKAGES else None


def measure() -> dict[str, Flow]:
    """The flow of the record that closes a pane: `judge` has all of it, `gate` what the gate does to judge the pane."""
    judge, gate = _Trace(), _GateTrace()
    _close_pane(judge)
    _close_pane(gate)
    return {"judge": judge.flow(), "gate": gate.trace.flow()}


def _close_pane(profile: _Trace | _GateTrace) -> None:
    """Feed a judge until it is warm, and profile the record that closes one more pane."""
    fold = Fold(0)
    records = [*_opening(), *(value for number in range(WARM_UP_PANES + 1) for value in _pane(number))]
    *before, last = map(decode, records)
    for offset, record in enumerate(before):
        fold.apply(record, offset)
    sys.setprofile(profile)
    try:
        fold.apply(last, len(before))
    finally:
        sys.setprofile(None)


def _opening() -> Iterator[bytes]:
    """The records that start the rollout and confirm its first weights."""
    yield _progress(0, BEGAN_MS)
    yield _encoded("start", rollout=ROLLOUT, policy=POLICY, by="measurement", at=BEGAN_MS, rules=CURRENT)
    yield _encoded(
        "ack",
        id=f"{ROLLOUT}:1:1",
        rollout=ROLLOUT,
        epoch=1,
        sequence=1,
        actuator="measurement",
        status="applied",
        weights={"stable": 80.0, "canary": 20.0},
        at=BEGAN_MS,
    )


def _pane(number: int) -> Iterator[bytes]:
    """One pane of healthy traffic, and the progress that closes the pane before the lateness allowed."""
    start = BEGAN_MS + number * PANE_MS
    cells = [_cell("stable", start, 80, failed=number % 4 == 0), _cell("canary", start, 20, failed=number % 16 == 0)]
    partial = {
        "schema": "sluicegate.partial/v1",
        "rollout": ROLLOUT,
        "source": ["request-events", 0],
        "start": number,
        "upto": number + 1,
        "final": True,
        "cells": cells,
    }
    yield _encoded("partials", partials=[partial])
    yield _progress(number + 1, start + PANE_MS)


def _cell(cohort: str, start: int, requests: int, *, failed: bool) -> list[object]:
    counts = [0, requests - failed, 0, 0, int(failed), 0, 0]
    share = requests // len(LATENCY_BUCKETS)
    return [cohort, start, counts, list(LATENCY_BUCKETS), [share] * len(LATENCY_BUCKETS)]


def _progress(position: int, wall: int) -> bytes:
    sources = [[["request-events", 0], position, wall, True]]
    return _encoded("progress", worker="measurement", wall=wall, sources=sources)


def _encoded(kind: str, **fields: object) -> bytes:
    return json.dumps({"schema": f"sluicegate.{kind}/v1", **fields}).encode()


def table(flows: Mapping[str, Flow]) -> str:
    """The figures of both parts side by side, then one line for each file."""
    judge, gate = flows["judge"], flows["gate"]
    lines = [f"{'':44}  judge   gate"]
    lines += [
        f"{label:44} {getattr(judge, name):6} {getattr(gate, name):6}"
        for name, label in (
            ("files", "files passed"),
            ("functions", "functions called"),
            ("calls", "calls"),
            ("moves", "calls into another file (moves)"),
        )
    ]
    lines += ["", f"{'functions called in':44}  judge   gate"]
    lines += [
        f"{file:44} {functions:6} {gate.functions_by_file.get(file, 0):6}"
        for file, functions in judge.functions_by_file.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tools.pane_flow", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    flows = measure()
    as_json = parser.parse_args().json
    print(json.dumps({part: asdict(flow) for part, flow in flows.items()}, indent=2) if as_json else table(flows))


if __name__ == "__main__":
    main()
