"""The benchmark of the gate on errors that come together, from end to end in a few seconds."""

from __future__ import annotations

from math import inf

import pytest

from benchmarks.evidence.__main__ import BEFORE, PAGE, RESULTS, TABLES, main
from benchmarks.evidence.cases import Case, all_cases, quick_cases
from benchmarks.evidence.results import Line, from_json, merged, rows_of, to_json
from gates.decisions import Action
from gates.machine.transitions import Phase
from gates.rules import CURRENT
from streams.offline.simulation.run import SimulatedDecision, SimulatedRun


def run(action: Action, at_s: float) -> SimulatedRun:
    """A run with one decision."""
    actions = () if at_s == inf else (SimulatedDecision(round(at_s * 1_000), action, "only", 0.0, ""),)
    return SimulatedRun(1, 0, actions, Phase.BAKING, "only", 1, None)


def test_rows_are_read_and_differ() -> None:
    """Each is a valid scenario and policy, and has a seed of its own."""
    cases = all_cases()
    assert len({case.seed for case in cases}) == len(cases)
    assert {case.policy.rollout for case in cases} == {"simulated"}
    assert all(case.traffic.duration_ms >= 1_000 * case.since for case in cases)
    assert [case.table for case in quick_cases()] == list(TABLES)


def test_runs_are_summed_up() -> None:
    """What is counted, since when the candidate was bad; what never came has no quantile."""
    case = Case("late", "x", {}, figure="advanced", since=50)
    found = [run(Action.PROMOTE, 60.0), run(Action.ROLLBACK, 70.0), run(Action.HOLD, inf), run(Action.PROMOTE, 90.0)]
    line = Line.of(case, CURRENT, found)
    assert (line.runs, line.count, line.median_s, line.p95_s) == (4, 2, 40.0, None)
    assert line.low == pytest.approx(0.068, abs=1e-3)
    assert line.high == pytest.approx(0.932, abs=1e-3)
    assert from_json(to_json([line])) == [line]


def test_new_lines_replace_those_of_before() -> None:
    """In the order of the rows; rows that are no more are dropped."""
    first, second = all_cases()[:2]
    old = [Line.of(each, rules, [run(Action.HOLD, inf)]) for each in (second, first) for rules in (BEFORE, CURRENT)]
    new = Line.of(second, CURRENT, [run(Action.ROLLBACK, 5.0)])
    gone = Line.of(Case("errors", "gone", {}), CURRENT, [run(Action.HOLD, inf)])
    known = merged([*old, gone], [new], all_cases())
    assert [(line.row, line.rules, line.count) for line in known] == [
        (first.name, BEFORE, 0),
        (first.name, CURRENT, 0),
        (second.name, BEFORE, 0),
        (second.name, CURRENT, 1),
    ]
    rows = rows_of(known[1:], "errors", (BEFORE, CURRENT))
    assert rows[1] == [first.name, "-", "0 of 1: 0% (0–97)"]


def test_the_page_has_the_tables_of_the_last_run() -> None:
    """Each between its marks."""
    page = PAGE.read_text(encoding="utf-8")
    lines = from_json(RESULTS.read_text(encoding="utf-8"))
    for table in TABLES:
        assert f"<!-- evidence, {table}: begin -->" in page
        for row in rows_of(lines, table, (BEFORE, CURRENT)):
            assert f"| {' | '.join(row)} |" in page


def test_quick_benchmark_runs_every_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One rollout each under both rules; nothing is written."""
    before = RESULTS.read_text(encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["evidence", "--quick", "--jobs", "1", "--only", "^(thin|passing|delays)/"])
    main()
    shown = capsys.readouterr().out
    assert shown.count("rules 2:") == shown.count(f"rules {CURRENT}:") == 3
    assert RESULTS.read_text(encoding="utf-8") == before
