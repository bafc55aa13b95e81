"""How much memory a worker with all roles takes: idle, with rollouts under load, and over time at full speed.

`python -m benchmarks.memory --minutes 10` measures for longer than a run of all benchmarks does.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.installation import Installation
from benchmarks.measure import Row, Size
from tests.brokers import MavenKafka
from tests.pipeline.harness import Worker

PART = "memory"
FULL_SPEED = 30_000
"""Events a second: more than one worker can count on two cores shared with Kafka, so that it is always behind."""

EVERY_S = 0.5
SETTLED = 0.5
"""The share of the samples, from the beginning, that is left out."""


@dataclass(frozen=True)
class Times:
    """How long to measure without load, until windows are full, and at full speed; in seconds."""

    idle: float
    loaded: float
    full_speed: float


FULL = Times(idle=10.0, loaded=80.0, full_speed=60.0)
SMOKE = Times(idle=1.0, loaded=4.0, full_speed=3.0)


@dataclass(frozen=True)
class Memory:
    """Resident sizes in MB (10^6 bytes), one every `EVERY_S` seconds."""

    samples: tuple[float, ...]

    @property
    def settled(self) -> tuple[float, ...]:
        """The samples without those at the beginning."""
        return self.samples[int(len(self.samples) * SETTLED) :]

    @property
    def growth(self) -> float:
        """Growth in MB a minute: the slope of the line that fits the settled samples best.

        >>> round(Memory(tuple(100 + 0.5 * number for number in range(240))).growth, 6)
        60.0
        """
        minutes = np.arange(len(self.settled)) * EVERY_S / 60.0
        return float(np.polyfit(minutes, self.settled, 1)[0])


def resident_mb(pid: int) -> float:
    """The resident size of a running process of this machine, in MB (Linux only)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kib = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
    return int(kib) * 1_024 / 1e6


def run(bootstrap: str, size: Size) -> Iterator[Row]:
    """Measure once: the samples of one run vary as much as several runs would."""
    smoke = size.name == "smoke"
    times = SMOKE if smoke else FULL
    few, many = (2, 5) if smoke else (100, 1_000)
    idle, loaded, busy = asyncio.run(watched(bootstrap, few, times))
    yield Row(PART, "resident", "idle", "MB", idle.settled)
    yield Row(PART, "resident", f"{few:,} rollouts", "MB", loaded.settled)
    if not smoke:
        _, loaded, _ = asyncio.run(watched(bootstrap, many, Times(1.0, times.loaded, 0.0)))
        yield Row(PART, "resident", f"{many:,} rollouts", "MB", loaded.settled)
    yield Row(PART, "resident", f"{few:,} rollouts, full speed", "MB", busy.settled)
    yield Row(PART, "growth", f"{few:,} rollouts, full speed", "MB/min", (busy.growth,))


async def watched(bootstrap: str, rollouts: int, times: Times, rate: int = FULL_SPEED) -> tuple[Memory, Memory, Memory]:
    """The memory of a new worker: idle, then with this many rollouts at 10 events/s each, then at full speed."""
    async with Installation(bootstrap) as site:
        worker = site.run_worker()
        await worker.ready()
        idle = await _watch(worker, times.idle)
        await site.start_rollouts(rollouts)
        async with site.loaded(rate=10.0 * rollouts, rollouts=rollouts):
            loaded = await _watch(worker, times.loaded)
        async with site.loaded(rate=rate, rollouts=rollouts):
            busy = await _watch(worker, times.full_speed)
        return idle, loaded, busy


async def _watch(worker: Worker, seconds: float) -> Memory:
    samples = []
    for _ in range(int(seconds / EVERY_S)):
        await asyncio.sleep(EVERY_S)
        if worker.process.poll() is not None:
            raise RuntimeError(f"the worker ended with {worker.process.returncode}:\n{worker.log()[-2_000:]}")
        samples.append(resident_mb(worker.process.pid))
    return Memory(tuple(samples))


def main() -> None:
    """Measure one worker for the time given, and print its memory by minute."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description="A worker's memory over time.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rollouts", type=int, default=100)
    parser.add_argument("--rate", type=int, default=FULL_SPEED, help="events a second")
    given = parser.parse_args()
    times = Times(FULL.idle, FULL.loaded, given.minutes * 60.0)
    with MavenKafka() as broker:
        idle, loaded, busy = asyncio.run(watched(broker.bootstrap, given.rollouts, times, given.rate))
    print(f"idle {idle.samples[-1]:.1f} MB, with {given.rollouts:,} rollouts {loaded.samples[-1]:.1f} MB")
    a_minute = round(60.0 / EVERY_S)
    for minute, at in enumerate(range(a_minute - 1, len(busy.samples), a_minute), start=1):
        print(f"minute {minute:3} at full speed: {busy.samples[at]:.1f} MB")
    print(f"growth in the second half: {busy.growth:+.2f} MB a minute")


if __name__ == "__main__":
    main()
