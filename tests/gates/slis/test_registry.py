"""The registry is the one list of SLIs: a new one is a file and a line, and nothing else names one."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gates.slis.registry import CHECK_MODELS

ROOT = Path(__file__).parents[3]
ELSEWHERE = [
    path
    for package in ("gates", "connectors", "streams")
    for path in sorted((ROOT / package).rglob("*.py"))
    if ROOT / "gates" / "slis" not in path.parents
]
OPEN_TO_ALL = (
    "gates.slis.bounds",
    "gates.slis.check_context",
    "gates.slis.definition",
    "gates.slis.error_classes",
    "gates.slis.findings",
    "gates.slis.registry",
)
IMPORTS = {"gates/policy/model.py": "gates.slis.budget"}
"""The budget is a key of the policy itself."""
WORDS = {
    "gates/documents/fields.py": {"latency"},  # a family
    "gates/evidence/evaluation.py": {"error_rate"},  # a field of the published status
    "gates/policy/model.py": {"error_rate"},  # the example in a message
    "streams/demo/run.py": {"error_rate"},  # a field of the demo's upstream
    "streams/offline/simulation/named.py": {"error_rate", "latency", "metric"},  # fields of a scenario
    "streams/offline/simulation/population.py": {"latency", "metric"},  # fields of a scenario
    "streams/offline/simulation/scenario.py": {"latency", "metric"},  # fields of a scenario
    "streams/runtime/rollout_metrics.py": {"error_rate"},  # a field of the published status
}
"""Texts that are equal to an `sli` word by chance."""


def nodes(path: Path) -> Iterator[ast.AST]:
    """All nodes of a file's syntax tree."""
    return ast.walk(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_file_names_an_sli(path: Path) -> None:
    """Neither by its word, nor by its module, nor by asking what a definition is an instance of."""
    name = str(path.relative_to(ROOT))
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in CHECK_MODELS:
            assert node.value in WORDS.get(name, ()), f"{name}:{node.lineno}: {node.value}"
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gates.slis."):
            assert node.module in (*OPEN_TO_ALL, IMPORTS.get(name)), f"{name}:{node.lineno}: {node.module}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            asked = {each.id for each in ast.walk(node.args[1]) if isinstance(each, ast.Name)}
            assert not asked & {"Definition", "CheckDefinition", "Budget", "AnyCheck"}, f"{name}:{node.lineno}"


def test_a_new_sli_is_one_file_and_a_line_of_the_registry(tmp_path: Path) -> None:
    """With its import: then it parses, is judged and linted, and has its schema."""
    ignored = shutil.ignore_patterns("__pycache__", "test_*")
    for package in ("gates", "tests/gates"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "tests/gates/slis/toy.py", tmp_path / "gates/slis/toy.py")
    registry = tmp_path / "gates/slis/registry.py"
    registry.write_text(
        registry.read_text()
        .replace("from gates.slis.traffic", "from gates.slis.toy import ToyCheck\nfrom gates.slis.traffic")
        .replace("    | ThroughputShareCheck\n", "    | ThroughputShareCheck\n    | ToyCheck\n")
    )
    (tmp_path / "tests/__init__.py").touch()  # so that no other folder of this name is looked at
    command = [sys.executable, "-m", "tests.gates.slis.toy_at_work"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["again"]
    assert found["verdicts"] == ["FAIL", "PASS"]
    assert found["rules"][0] == ["checks.t.least: 13 brings bad luck"]
    assert found["rules"][1][0].startswith("checks.t.window: 1s500ms must be a whole number of panes")
    assert "checks.t.lest: is an unknown key; did you mean `least`?" in found["rules"][2]
    assert found["rules"][3] == ["checks.t.least: 0 is out of range; write a whole number from 1 to 1,000,000,000"]
    assert found["lints"] == [
        "checks.t.least: 1 is hardly a number",
        "checks.t.least: is never reached at this traffic",
    ]
    assert found["schema"] == "The smallest acceptable number of requests."
