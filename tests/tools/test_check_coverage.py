"""Coverage is summed by package and compared with its floor, and what is missing is named."""

import json
from pathlib import Path

import pytest

from tools.check_coverage import FLOORS, main


def a_report(folder: Path, missed: int) -> Path:
    """A report in which each package has ten statements and two branches, and gates misses some lines."""
    files = {}
    for package in FLOORS:
        gone = missed if package == "gates" else 0
        files[f"{package}/a.py"] = {
            "summary": {
                "covered_lines": 10 - gone,
                "num_statements": 10,
                "covered_branches": 2 - bool(gone),
                "num_branches": 2,
            },
            "missing_lines": list(range(1, gone + 1)),
            "missing_branches": [[9, -1]] if gone else [],
        }
    report = folder / "report.json"
    report.write_text(json.dumps({"files": files | {"other/b.py": files["gates/a.py"]}}))
    return report


def test_covered_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every package is listed with its share and floor."""
    assert main(a_report(tmp_path, 0)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[package, "100.00"] for package in FLOORS]


def test_below_the_floor_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines and branches, by file."""
    assert main(a_report(tmp_path, 2)) == 1
    assert "  gates/a.py: 1, 2, 9->-1\n" in capsys.readouterr().out
