"""The readers take turns at each case's events."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.ingest.cases import Case
from benchmarks.ingest.filling import fill
from benchmarks.ingest.lineup import Runner, everyone
from benchmarks.ingest.ratios import PER_CORE, ratios
from benchmarks.ingest.trial import MEASURED_CORE, Took
from benchmarks.measure import Row, Size, kept_off

SINGLE, WIDE, BATCHED = Case(4, 2), Case(12, 200), Case(12, 200, 500)


def run(bootstrap: str, size: Size) -> Iterator[Row]:
    """Measure. A peer that is not installed is named and left out; those in Java run in the full size only."""
    with kept_off(MEASURED_CORE):
        rows = list(_everything(bootstrap, size))
    yield from rows


def _everything(bootstrap: str, size: Size) -> Iterator[Row]:
    full = size.name == "full"
    cases = (SINGLE, WIDE, BATCHED) if full else (SINGLE, BATCHED)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="sluicegate-bench-") as classes:
        runners = everyone(with_java=full, classes=Path(classes))
        for runner in runners:
            if runner.missing:
                print(f"  without {runner.name}: {runner.missing}")
        for case in cases:
            rows += _measured(bootstrap, case, [runner for runner in runners if not runner.missing], size)
    yield from rows
    yield from ratios(rows, cases)


def _measured(bootstrap: str, case: Case, runners: Sequence[Runner], size: Size) -> Iterator[Row]:
    """One case. The readers take turns, so that other load on the machine affects all of them alike."""
    print(f"  {case.name}: filling", flush=True)
    filled = asyncio.run(fill(bootstrap, case, size.events))
    took: defaultdict[str, list[Took]] = defaultdict(list)
    for number in range(size.runs):
        for runner in runners:
            if number and runner.at_once:
                continue
            print(f"  {case.name}: run {number + 1} of {size.runs}, {runner.name}", flush=True)
            for name, runs in runner.run(filled, size.runs if runner.at_once else 1).items():
                took[name] += runs
    for name, runs in took.items():
        yield Row("ingest", name, case.name, PER_CORE, tuple(one.per_core for one in runs))
        if all(one.wall for one in runs):
            yield Row("ingest", name, case.name, "events/s", tuple(one.events / one.wall for one in runs if one.wall))
        if all(one.gc is not None for one in runs):
            shares = tuple(100 * one.gc / one.cpu for one in runs if one.gc is not None)
            yield Row("ingest", name, case.name, "% of its time collecting garbage", shares)
