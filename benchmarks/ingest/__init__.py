"""Ingest throughput: events a second and core, of Sluicegate and of what else could read them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Row, Size


def run(bootstrap: str, size: Size) -> Iterator[Row]:
    """Measure; a peer that is not installed is named and left out, and those in Java run in the full size only."""
    from benchmarks.ingest import turns  # here, as peers import this package where Sluicegate is not installed

    return turns.run(bootstrap, size)
