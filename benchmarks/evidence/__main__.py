"""`python -m benchmarks.evidence`: simulate the rows, print their tables, and write results and page."""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path

from benchmarks.evidence.cases import Case, all_cases, quick_cases
from benchmarks.evidence.results import Line, from_json, merged, rows_of, to_json
from benchmarks.judges.tables import between_marks, markdown, plain
from gates.rules import CURRENT
from streams.offline.simulation.engine import simulate

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "evidence" / "results.json"
PAGE = ROOT / "docs" / "judges.md"
BEFORE = 2
"""The rules of before: each error is a witness of its own."""

TABLES = tuple(dict.fromkeys(case.table for case in all_cases()))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evidence", description="The gate on errors that come together."
    )
    parser.add_argument("--quick", action="store_true", help="simulate one rollout for each table; write nothing")
    parser.add_argument("--redraw", action="store_true", help="write the page from the results of the last run")
    parser.add_argument("--only", default="", help="only rows whose table/name matches this pattern")
    parser.add_argument("--rules", type=int, action="append", help=f"only these rules, of {BEFORE} and {CURRENT}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes to use")
    given = parser.parse_args()
    cases = [
        case
        for case in (quick_cases() if given.quick else all_cases())
        if re.search(given.only, f"{case.table}/{case.name}")
    ]
    for case in () if given.redraw else cases:
        for rules in given.rules or (BEFORE, CURRENT):
            line = simulated(case, rules, given.jobs)
            if not given.quick:
                known = from_json(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
                RESULTS.write_text(to_json(merged(known, [line], all_cases())), encoding="utf-8")
    if not given.quick:
        show(from_json(RESULTS.read_text(encoding="utf-8")))


def simulated(case: Case, rules: int, jobs: int) -> Line:
    """One row under the rules of one number."""
    began = time.perf_counter()
    found = simulate(case.policy, case.traffic, case.runs, jobs, case.seed, rules=rules)
    line = Line.of(case, rules, found)
    took = time.perf_counter() - began
    shown = f"{line.count} of {line.runs}, median {line.median_s}, p95 {line.p95_s} ({took:.0f} s)"
    print(f"{case.table}/{case.name}, rules {rules}: {shown}", flush=True)
    return line


def show(lines: list[Line]) -> None:
    """Print the tables, and write them into docs/judges.md."""
    page = PAGE.read_text(encoding="utf-8")
    for table in TABLES:
        rows = rows_of(lines, table, (BEFORE, CURRENT))
        print(f"\n{table}\n{plain(rows)}")
        page = between_marks(page, f"evidence, {table}", markdown(rows))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
