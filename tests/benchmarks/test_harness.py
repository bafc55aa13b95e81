"""The harness of `make bench` from end to end in its smoke size, and what it makes of rows."""

from __future__ import annotations

import doctest
import math
import os
import sys
from types import ModuleType

import pytest

from benchmarks import measure, results, table
from benchmarks.__main__ import PAGE, RESULTS, measured
from benchmarks.ingest import cases, events, java
from benchmarks.ingest.cases import Case
from benchmarks.ingest.lineup import COLD, FAUST, GETMANY, SLUICEGATE
from benchmarks.ingest.peers.task import Task
from benchmarks.ingest.ratios import PER_CORE, ratios
from benchmarks.measure import SMOKE, Row
from benchmarks.results import Results
from connectors.decoders.registry import decoder

ROW = Row("ingest", "a reader", "a case", PER_CORE, (3.0, 1.0, 2.0))


@pytest.mark.kafka
def test_smoke_measures_ingest(kafka_broker: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every reader that is there has a figure in each case; those of other environments may be missing."""
    found, failed = measured(["ingest"], SMOKE, kafka_broker)
    assert failed == []
    assert all(math.isfinite(value) and value > 0 for row in found.rows for value in row.values)
    speeds = {(row.what, row.case) for row in found.rows if row.unit == PER_CORE}
    cases_seen = {case for _, case in speeds}
    assert len(cases_seen) == 2
    assert speeds >= {(what, case) for what in (GETMANY, SLUICEGATE, FAUST) for case in cases_seen}
    assert f"Sluicegate / {FAUST}" in {row.what for row in found.rows if row.unit == "times"}
    assert SLUICEGATE in capsys.readouterr().out


@pytest.mark.parametrize("case", [Case(4, 2), Case(12, 200), Case(12, 200, 500)])
def test_events_are_those_of_the_case(case: Case) -> None:
    """All decode, in order of time, of as many pairs as the case has, about 180 bytes each."""
    pairs, size, number = set(), 0, 0
    for partition in range(case.partitions):
        latest = 0
        for timestamp, key, value in events.partition_events(case, partition, 120_000, 1_767_225_600_000):
            found = decoder().decode(value)
            assert not found.faults
            assert len(found.events) == case.per_message
            assert all(f"{event.rollout}/{event.cohort}".encode() == key for event in found.events)
            times = [latest, *(event.ts_ms for event in found.events)]
            assert times == sorted(times)
            assert timestamp == times[-1]
            latest = timestamp
            pairs.add(key)
            size += len(value)
            number += len(found.events)
    assert number == 120_000
    assert len(pairs) == (case.pairs if case.per_message == 1 else min(case.pairs, 20 + case.partitions - 1))
    assert 165 <= size / number <= 195


def test_rows_survive_the_file_and_fill_the_page() -> None:
    """What is written is what is read, and a page has a table for each unit between its marks."""
    found = Results({"cores": "2"}, {"kafka": "4.4.0"}, [ROW])
    assert Results.from_json(found.to_json()) == found
    page = "x <!-- machine: begin --><!-- machine: end -->\n<!-- ingest: begin -->old<!-- ingest: end --> y"
    filled = found.into_page(page)
    assert "* kafka: 4.4.0" in filled
    assert "| a reader | 2 (1–3) |" in filled
    assert "old" not in filled
    assert found.into_page(filled) == filled


def test_ratios_are_taken_run_by_run() -> None:
    """Ours in times of the others', and of many events a message also in times of the plain loop with one."""
    single, batched = Case(4, 2), Case(4, 2, 500)
    rows = [
        Row("ingest", GETMANY, single.name, PER_CORE, (10.0, 20.0)),
        Row("ingest", SLUICEGATE, single.name, PER_CORE, (20.0, 30.0)),
        Row("ingest", FAUST + COLD, single.name, PER_CORE, (1.0,)),
        Row("ingest", SLUICEGATE, batched.name, PER_CORE, (50.0, 60.0)),
    ]
    found = {(row.what, row.case): row.values for row in ratios(rows, (single, batched))}
    assert found == {
        (f"Sluicegate / {GETMANY}", single.name): (2.0, 1.5),
        (f"Sluicegate / {GETMANY}, of one event a message", batched.name): (5.0, 3.0),
    }


def test_a_task_crosses_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer gets the task that the harness encoded."""
    task = Task("localhost:9092", "t", 4, 10, 500, "out", "g", passes=6)
    monkeypatch.setattr(sys, "argv", ["peer", task.argument()])
    assert Task.given() == task
    assert task.events == 20_000


def test_a_core_is_kept_free() -> None:
    """Within the block this process stays off the core, and afterwards it may use all again."""
    if len(measure.CORES) < 2:
        pytest.skip("there is one core")
    with measure.kept_off(1):
        assert measure.CORES[1] not in os.sched_getaffinity(0)
    assert sorted(os.sched_getaffinity(0)) == measure.CORES


def test_the_page_shows_the_results() -> None:
    """The tables in docs/performance.md are those of results.json."""
    page = PAGE.read_text(encoding="utf-8")
    assert "<!-- ingest: begin -->" in page
    if RESULTS.exists():
        assert Results.from_json(RESULTS.read_text(encoding="utf-8")).into_page(page) == page


@pytest.mark.parametrize("module", [measure, results, table, cases, java])
def test_examples(module: ModuleType) -> None:
    """What the docstrings show is so."""
    assert doctest.testmod(module).failed == 0
