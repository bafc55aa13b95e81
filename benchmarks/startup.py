"""Times of starting: the command line, a worker, a judge after a crash; and the speed of a replay."""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.fleet import BEGAN_MS, names, policy
from benchmarks.installation import Installation
from benchmarks.load import Load
from benchmarks.measure import Row, Size, cpu_seconds
from connectors.kafka import clients
from connectors.kafka.topic_reader import read_to_end
from streams.clock import wall_ms
from streams.judge.snapshots import restore
from tests.pipeline.harness import SLUICEGATE

PART = "startup"
REPLAYED_RPS = 1_000
"""Requests a second of event time in the file that is replayed."""

PATIENCE_S = 120.0
"""How long a judge may take to judge again, before it counts as never."""


def run(bootstrap: str, size: Size) -> Iterator[Row]:
    """Measure every case."""
    smoke = size.name == "smoke"
    for words in (["--help"], ["worker", "--help"]):
        spent = [_spent(words) for _ in range(size.runs)]
        yield from _cpu_and_wall(" ".join(["sluicegate", *words]), spent)
    yield from _cpu_and_wall("worker until ready", [asyncio.run(until_ready(bootstrap)) for _ in range(size.runs)])
    yield from replayed(min(size.events, 200_000), size.runs)
    yield from asyncio.run(recovered(bootstrap, 5 if smoke else 1_000, 8.0 if smoke else 80.0))


def _cpu_and_wall(what: str, spent: list[tuple[float, float]]) -> Iterator[Row]:
    yield Row(PART, what, "CPU", "s", tuple(cpu for cpu, _ in spent))
    yield Row(PART, what, "wall", "s", tuple(wall for _, wall in spent))


def _spent(words: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a command."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([SLUICEGATE, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


async def until_ready(bootstrap: str) -> tuple[float, float]:
    """CPU and wall seconds of a worker with all roles until /readyz succeeds; its topics exist already."""
    async with Installation(bootstrap) as site:
        began = time.perf_counter()
        worker = site.run_worker()
        await worker.ready()
        return cpu_seconds(worker.process.pid), time.perf_counter() - began


def replayed(events: int, runs: int) -> Iterator[Row]:
    """`sluicegate replay` of a file with this many events of one healthy rollout."""
    with tempfile.TemporaryDirectory() as folder:
        rules, recorded = Path(folder, "policy.json"), Path(folder, "events.ndjson")
        rules.write_text(json.dumps(policy(names(1)[0]).document()), encoding="utf-8")
        load = Load(1, 0, 0.0, 0.0)
        with recorded.open("wb") as file:
            for number in range(events):
                file.writelines([*load.take(1, 0.0, BEGAN_MS + number * 1_000 // REPLAYED_RPS), b"\n"])
        words = ["replay", "--json", "--policy", str(rules), "--events", str(recorded)]
        spent = [_spent(words) for _ in range(runs)]
    what = f"replay of {events:,} events"
    yield Row(PART, what, "CPU", "events/s", tuple(events / cpu for cpu, _ in spent))
    yield Row(PART, what, "wall", "events/s", tuple(events / wall for _, wall in spent))


async def recovered(bootstrap: str, rollouts: int, loaded_s: float) -> list[Row]:
    """A judge with this many rollouts is killed under load, and another one takes over."""
    async with Installation(bootstrap) as site:
        judge, others = site.run_worker("judge"), site.run_worker("ingest", "sequencer")
        await asyncio.gather(judge.ready(), others.ready())
        await site.start_rollouts(rollouts)
        async with site.loaded(rate=10.0 * rollouts, rollouts=rollouts):
            await asyncio.sleep(loaded_s)
            killed, began = wall_ms(), time.perf_counter()
            judge.kill()
            site.run_worker("judge")
            judged = await _judged_past(site, killed, rollouts)
            took = time.perf_counter() - began if judged else float("inf")
        for worker in site.workers:
            worker.kill()
        restored = await _restored(site)
    return [
        Row(PART, f"{rollouts:,} rollouts restored from snapshots", "CPU", "s", (restored,)),
        Row(PART, f"{rollouts:,} rollouts judged again after a kill", "wall", "s", (took,)),
    ]


async def _judged_past(site: Installation, moment: int, rollouts: int) -> bool:
    """Wait until this many rollouts are judged past this event time; False if `PATIENCE_S` was too short."""
    reader = clients.consumer(site.settings, site.topics.status, auto_offset_reset="latest")
    await reader.start()
    past: set[str] = set()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(past) < rollouts:
                status = msgspec.json.decode((await reader.getone()).value)
                if status["event_time"] >= moment:
                    past.add(status["rollout"])
    except TimeoutError:
        return False
    finally:
        await reader.stop()
    return True


async def _restored(site: Installation) -> float:
    """The CPU seconds of restoring every fold from its snapshots."""
    found: dict[int, list[tuple[bytes, bytes | None]]] = defaultdict(list)
    async for record in read_to_end(site.settings, site.topics.snapshots):
        found[record.partition].append((record.key, record.value))
    began = time.process_time()
    folds = [restore(partition, records) for partition, records in found.items()]
    took = time.process_time() - began
    if not any(itertools.chain(*(fold.rollouts for fold in folds))):
        raise RuntimeError("the snapshots hold no rollout")
    return took
