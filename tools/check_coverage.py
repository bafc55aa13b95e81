"""Branch coverage of each package, compared with its floor: `python -m tools.check_coverage .coverage/report.json`.

Prints coverage by package, and below its floor what is missing by file; then fails. Coverage counts statements and
branches alike, as coverage.py's own total does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FLOORS = {"gates": 100.0, "connectors": 97.0, "streams": 95.0}
"""Per cent. The decision is covered whole; the rest meets brokers, whose faults the slower suites bring about."""


class Covered(NamedTuple):
    """Statements and branches of some files: how many were run, of how many."""

    run: int
    all: int

    @property
    def percent(self) -> float:
        """Their share; of nothing it is all.

        >>> Covered(3, 4).percent, Covered(0, 0).percent
        (75.0, 100.0)
        """
        return 100.0 * self.run / self.all if self.all else 100.0


def by_package(files: Mapping[str, Mapping[str, Any]]) -> dict[str, Covered]:
    """The coverage of each package that has a floor, from the files of a JSON report."""
    found = dict.fromkeys(FLOORS, Covered(0, 0))
    for path, file in files.items():
        package, summary = path.split("/")[0], file["summary"]
        if package in found:
            before = found[package]
            found[package] = Covered(
                before.run + summary["covered_lines"] + summary["covered_branches"],
                before.all + summary["num_statements"] + summary["num_branches"],
            )
    return found


def missing(files: Mapping[str, Mapping[str, Any]], package: str) -> Iterator[str]:
    """What no test ran, file by file: lines, and branches as `from->to` (to a negative line: out of the function)."""
    for path, file in sorted(files.items()):
        lines = file["missing_lines"]
        # A branch from or to a missing line is clear from the line.
        branches = [f"{start}->{end}" for start, end in file["missing_branches"] if not {start, end} & set(lines)]
        if path.split("/")[0] == package and (lines or branches):
            yield f"  {path}: {', '.join([*map(str, lines), *branches])}"


def main(report: Path) -> int:
    """Print, and fail where a package is below its floor."""
    files = json.loads(report.read_text("utf-8"))["files"]
    below = False
    for package, covered in by_package(files).items():
        floor = FLOORS[package]
        print(f"{package:10} {covered.percent:6.2f} % of {covered.all:,} statements and branches, floor {floor:g} %")
        if covered.percent < floor:
            below = True
            print(*missing(files, package), sep="\n")
    return int(below)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
