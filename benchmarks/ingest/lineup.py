"""The readers of the events, and how to start each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest import java
from benchmarks.ingest.cases import Filled
from benchmarks.ingest.peers.counting_c import compiler
from benchmarks.ingest.trial import ROOT, Took, run_peer
from benchmarks.ingest.worker import run_worker

SLUICEGATE = "Sluicegate ingest, complete"
GETMANY = "aiokafka, getmany and nothing else"
CONSUME = "confluent-kafka, consume and nothing else"
FAUST, QUIX, BYTEWAX = "Faust", "quixstreams", "bytewax"
DSL, PROCESSOR, FLINK = "Kafka Streams, DSL", "Kafka Streams, Processor API", "Flink"
COLD = ", first pass of a fresh JVM"
PROTOTYPE = "prototype in C, reads and counts, journals nothing"

JAVA_EVENTS = 200_000
"""Events in each pass of a peer in Java. It makes two passes more than there are runs: the first one, in which the JVM
has compiled nothing yet, is reported separately; the second, in which it still compiles much, is not reported."""

_PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True)
class Runner:
    """One reader: `run` returns the cost of each run by name; `missing` is the reason if it cannot run here.

    A reader with `at_once` does all its runs in one process, so it does not alternate with the others.
    """

    name: str
    run: Callable[[Filled, int], dict[str, list[Took]]]
    at_once: bool = False
    missing: str = ""


def everyone(*, with_java: bool, classes: Path) -> list[Runner]:
    """All readers; `classes` is the folder for compiled Java."""
    runners = [
        _python(GETMANY, "raw_aiokafka"),
        _python("aiokafka, record batches and nothing else", "batches_aiokafka"),
        _python(CONSUME, "raw_confluent", needs="confluent_kafka"),
        Runner(SLUICEGATE, _worker),
        _python(FAUST, "faust_table", single=3_000, batched=18_000),
        _python(QUIX, "quix_tumbling", single=16_000, batched=36_000, needs="quixstreams"),
        _python(BYTEWAX, "bytewax_fold", single=72_000, batched=144_000, needs="bytewax"),
    ]
    runners.append(_prototype())
    if with_java:
        runners += [
            _java(DSL, "streams", "StreamsDsl", classes),
            _java(PROCESSOR, "streams", "StreamsProcessor", classes),
            _java(FLINK, "flink", "FlinkCells", classes),
        ]
    return runners


def _python(
    name: str, module: str, *, single: int | None = None, batched: int | None = None, needs: str = ""
) -> Runner:
    """A peer in Python that reads at most `single` or `batched` events (one or many in a message)."""
    python = sys.executable
    if needs:
        python = str(_PEERS_PYTHON) if _PEERS_PYTHON.exists() else python
        if not _importable(python, needs):
            return Runner(name, _never, missing=f"{needs} is not installed")

    def run(filled: Filled, runs: int) -> dict[str, list[Took]]:
        most = single if filled.case.per_message == 1 else batched
        command = [python, "-m", f"benchmarks.ingest.peers.{module}"]
        return {name: [run_peer(command, filled.task(most or filled.events))[0] for _ in range(runs)]}

    return Runner(name, run)


def _prototype() -> Runner:
    if compiler() is None:
        return Runner(PROTOTYPE, _never, missing="there is no C compiler")
    return _python(PROTOTYPE, "counting_c")


def _worker(filled: Filled, runs: int) -> dict[str, list[Took]]:
    return {SLUICEGATE: [run_worker(filled, filled.task(filled.events)) for _ in range(runs)]}


def _java(name: str, framework: str, main: str, classes: Path) -> Runner:
    try:
        command = java.command(framework, main, classes)
    except java.JavaUnavailableError as error:
        return Runner(name, _never, missing=str(error))

    def run(filled: Filled, runs: int) -> dict[str, list[Took]]:
        first, _, *warm = run_peer(command, filled.task(JAVA_EVENTS, passes=runs + 2))
        return {name: warm, name + COLD: [first]}

    return Runner(name, run, at_once=True)


def _importable(python: str, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0  # noqa: S603


def _never(_filled: Filled, _runs: int) -> dict[str, list[Took]]:
    raise AssertionError("this peer cannot run here")
