"""Sluicegate's speed divided by the others', run by run: in each run all were measured one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.ingest.cases import Case
from benchmarks.ingest.lineup import COLD, GETMANY, SLUICEGATE
from benchmarks.measure import Row

PER_CORE = "events/s per core"


def ratios(rows: Sequence[Row], cases: Sequence[Case]) -> Iterator[Row]:
    """The ratio to each peer in each case, and of ours with many events a message to the plain loop with one."""
    found = {(row.what, row.case): row for row in rows if row.unit == PER_CORE}
    for (what, case), row in found.items():
        if what != SLUICEGATE and COLD not in what:
            yield _ratio(f"Sluicegate / {what}", case, found[SLUICEGATE, case], row)
    one = next(case for case in reversed(cases) if case.per_message == 1)
    for many in (case for case in cases if case.per_message > 1):
        what = f"Sluicegate / {GETMANY}, of one event a message"
        yield _ratio(what, many.name, found[SLUICEGATE, many.name], found[GETMANY, one.name])


def _ratio(what: str, case: str, ours: Row, theirs: Row) -> Row:
    values = tuple(our / their for our, their in zip(ours.values, theirs.values, strict=True))
    return Row("ingest", what, case, "times", values)
