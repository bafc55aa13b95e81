"""`python -m benchmarks.judges`: simulate, print the tables, and write results, page and pictures."""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.judges.cases import all_cases, quick_cases
from benchmarks.judges.summary import Line, from_json, summarise, to_json
from benchmarks.judges.tables import TITLES, into_page, printed
from benchmarks.judges.trials import run_all

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "judges" / "results.json"
DOCS = ROOT / "docs"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judges", description="Judges on simulated rollouts.")
    parser.add_argument("--quick", action="store_true", help="simulate one rollout for each experiment; write nothing")
    parser.add_argument(
        "--redraw", action="store_true", help="write page and pictures from the results of the last run"
    )
    parser.add_argument(
        "--only", default="", help="only experiments whose name matches this pattern; others keep their results"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes to use")
    given = parser.parse_args()
    if given.redraw:
        show(from_json(RESULTS.read_text(encoding="utf-8")))
        return
    lines = simulated(quick=given.quick, jobs=given.jobs, only=given.only)
    print(printed(lines))
    if not given.quick:
        if given.only:
            lines = merged(from_json(RESULTS.read_text(encoding="utf-8")), lines)
        RESULTS.write_text(to_json(lines), encoding="utf-8")
        show(lines)


def simulated(*, quick: bool, jobs: int, only: str = "") -> list[Line]:
    """The rulings of all judges on all cases, or on those of some experiments."""
    cases = [case for case in (quick_cases() if quick else all_cases()) if re.search(only, case.experiment)]
    print(f"simulating {sum(case.runs for case in cases):,} rollouts on {jobs} processes")
    began = time.perf_counter()
    lines = summarise(run_all(cases, jobs))
    print(f"done in {time.perf_counter() - began:.0f} s\n")
    return lines


def merged(before: Sequence[Line], new: Sequence[Line]) -> list[Line]:
    """The new lines, and those of before of the other experiments, in the order of the experiments."""
    replaced = {line.experiment for line in new}
    kept = [*(line for line in before if line.experiment not in replaced), *new]
    return [line for experiment in TITLES for line in kept if line.experiment == experiment]


def show(lines: list[Line]) -> None:
    """Write the tables of docs/judges.md, and its pictures."""
    from benchmarks.judges.plots import (
        save_plots,
    )  # matplotlib comes with the `bench` extra, which --quick does not need

    page = DOCS / "judges.md"
    page.write_text(into_page(page.read_text(encoding="utf-8"), lines), encoding="utf-8")
    save_plots(lines, DOCS)


if __name__ == "__main__":
    main()
