"""What all parts of the harness share: how much to measure, one figure, and pinning processes to cores."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Size:
    """How much is measured: `runs` of each case, and how many events a case's topic holds at most."""

    name: str  # "smoke" or "full"
    runs: int
    events: int


SMOKE = Size("smoke", runs=1, events=4_000)
FULL = Size("full", runs=5, events=800_000)


@dataclass(frozen=True)
class Row:
    """One figure of the table: of whom or what, in which case, with one value for each run.

    >>> Row("ingest", "aiokafka", "4 partitions", "events/s", (3.0, 1.0, 2.0)).median
    2.0
    """

    part: str
    what: str
    case: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value, or the mean of the two in the middle."""
        return median(self.values)

    @property
    def low(self) -> float:
        """The lowest value of any run."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The highest value of any run."""
        return max(self.values)


CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
"""The cores that this process could use when it began."""


def pinned(core: int) -> Callable[[], None]:
    """A function for a child process to call before its program starts, to stay on one core if the system can.

    `core` counts the cores of this process, and wraps around on a machine that has fewer.
    """

    def pin() -> None:
        if CORES:
            os.sched_setaffinity(0, {CORES[core % len(CORES)]})

    return pin


@contextlib.contextmanager
def kept_off(core: int) -> Iterator[None]:
    """Keep this process, and what it starts within the block, off the core that `pinned` uses, if there is another."""
    others = set(CORES) - {CORES[core % len(CORES)]} if CORES else set()
    if others:
        os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        if others:
            os.sched_setaffinity(0, CORES)


def cpu_seconds(pid: int) -> float:
    """The processor time, user and system, of all threads of a running process of this machine (Linux only).

    >>> 0.0 < cpu_seconds(os.getpid()) <= time.process_time()
    True
    """
    return time.clock_gettime((~pid << 3) | _ALL_THREADS)


_ALL_THREADS = (
    2  # CPUCLOCK_SCHED: how Linux names the clock of another process, to the nanosecond; see clock_getcpuclockid
)
