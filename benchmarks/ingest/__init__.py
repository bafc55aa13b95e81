"""Ingest throughput in events a second and core, of Sluicegate and of its peers."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Row, Size


def run(bootstrap: str, size: Size) -> Iterator[Row]:
    """Measure. A peer that is not installed is named and left out; those in Java run in the full size only."""
    from benchmarks.ingest import turns  # here, as peers import this package where Sluicegate is not installed

    return turns.run(bootstrap, size)
