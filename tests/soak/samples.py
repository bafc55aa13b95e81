"""What a soak run measures of its processes, the table of it, and whether anything has grown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

MORE_MEMORY = 1.10
MORE_MIB = 5.0
MORE_HANDLES = 6
"""A process has grown if the median of its last quarter is above that of the second by more than this."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One line of the table. The steady worker and the actuator are the two processes that nobody kills."""

    minutes: float
    events: int
    deaths: int
    largest_mib: float
    steady_mib: float
    steady_handles: int
    actuator_mib: float
    actuator_handles: int
    ingest_lag: float
    journal_lag: float
    dead_letters: int
    judged_after_s: float


HEADINGS = [field.name.replace("_", " ") for field in fields(Sample)]


def line(cells: Sequence[object]) -> str:
    """A line of the table.

    >>> line(["events", 12, 0.25])
    '          events                12               0.2'
    """
    return "  ".join(f"{f'{cell:.1f}' if isinstance(cell, float) else cell!s:>16}" for cell in cells)


def cells(sample: Sample) -> list[object]:
    """Its figures, in the order of the headings."""
    return [getattr(sample, field.name) for field in fields(Sample)]


def memory_and_handles(pid: int) -> tuple[float, int]:
    """Resident memory of a process in MiB, and how many files it has open. Raises OSError: there is no such process."""
    process = Path(f"/proc/{pid}")
    return int((process / "statm").read_text().split()[1]) * 4096 / 2**20, len(list((process / "fd").iterdir()))


def growth(samples: Sequence[Sample], minutes: float) -> dict[str, tuple[float, float]]:
    """What has grown: the medians of the second and of the last quarter of a run."""
    second = [sample for sample in samples if 0.25 <= sample.minutes / minutes < 0.5]
    last = [sample for sample in samples if sample.minutes / minutes >= 0.75]
    found = {}
    for name in ("steady_mib", "steady_handles", "actuator_mib", "actuator_handles"):
        before, after = (statistics.median(getattr(sample, name) for sample in part) for part in (second, last))
        if after > (before * MORE_MEMORY + MORE_MIB if name.endswith("mib") else before + MORE_HANDLES):
            found[name] = (before, after)
    return found
