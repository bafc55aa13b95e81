"""`sluicegate validate`: what it prints and how it exits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli.validate import validate
from tests.paths import CHECKOUT_POLICY, ROOT

EXAMPLE = CHECKOUT_POLICY
BAD = "schema: sluicegate.policy/v1\nrollout: a/b\nowner: 5\n"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Write a file with several faults."""
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path


def test_a_good_file_is_ok() -> None:
    """A policy is summed up in a line, and the exit code is 0."""
    result = CliRunner().invoke(validate, [str(EXAMPLE)])
    assert result.exit_code == 0
    assert result.output.startswith(f"{EXAMPLE}: ok (checkout-v2, 4 stages, 2 checks, sha256:")
    assert result.output.count("\n") == 1


def test_each_fault_has_a_line(bad: Path) -> None:
    """Each fault is printed with file, line and path, and the exit code is 1."""
    result = CliRunner().invoke(validate, [str(bad)])
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert f"{bad}:2: rollout: 'a/b' is not a usable name" in lines[3]
    assert [line.removeprefix(f"{bad}:").split(": ")[:2] for line in lines] == [
        ["1", "checks"],
        ["1", "cohorts"],
        ["1", "stages"],
        ["2", "rollout"],
        ["3", "owner"],
    ]


def test_all_files_are_looked_at(bad: Path, tmp_path: Path) -> None:
    """Good, bad and unreadable files each get their answer; unreadable ones decide the exit code, 2."""
    result = CliRunner().invoke(validate, [str(bad), str(tmp_path / "none.yaml"), str(EXAMPLE), str(tmp_path)])
    assert result.exit_code == 2
    assert f"{bad}:2: rollout" in result.stdout
    assert f"{EXAMPLE}: ok" in result.stdout
    assert "none.yaml: cannot be read: No such file or directory" in result.stderr
    assert f"{tmp_path}: cannot be read: Is a directory" in result.stderr


def test_standard_input_is_a_file_too() -> None:
    """`-` reads standard input, and stands for the file name."""
    result = CliRunner().invoke(validate, ["-"], input=BAD)
    assert result.exit_code == 1
    assert "-:2: rollout: " in result.output


def test_json_holds_everything(bad: Path, tmp_path: Path) -> None:
    """With --json stdout is one array, an object for each file, and nothing else."""
    result = CliRunner().invoke(validate, ["--json", str(EXAMPLE), str(bad), str(tmp_path / "none.yaml")])
    assert result.exit_code == 2
    good, faulty, missing = json.loads(result.stdout)
    assert (good["ok"], good["faults"], good["rollout"], good["stages"], good["checks"]) == (
        True,
        [],
        "checkout-v2",
        4,
        2,
    )
    assert good["hash"].startswith("sha256:")
    assert not faulty["ok"]
    assert {"line": 3, "column": 1, "path": "owner", "message": faulty["faults"][-1]["message"]} in faulty["faults"]
    assert (missing["ok"], missing["unreadable"]) == (False, "No such file or directory")


def test_an_endless_file_is_not_read_to_its_end() -> None:
    """A file beyond the size limit is a fault, however long it is."""
    result = CliRunner().invoke(validate, ["/dev/zero"])
    assert result.exit_code == 1
    assert "is larger than 256 KiB" in result.output


def test_at_least_one_file_is_needed() -> None:
    """Without a file the command is used wrongly."""
    assert CliRunner().invoke(validate, []).exit_code == 2


def test_the_command_itself_imports_little() -> None:
    """Importing the command loads neither YAML nor pydantic, so that the other commands start fast."""
    script = "import sys, streams.cli.validate; print([m for m in ('yaml', 'pydantic') if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Write a policy without a fault that ends at half of the traffic."""
    path = tmp_path / "odd.yaml"
    kept = [line for line in EXAMPLE.read_text().splitlines() if "name: full" not in line]
    path.write_text("\n".join(kept))
    return path


def test_warnings_do_not_count_unless_asked(odd: Path) -> None:
    """A warning has its line, and fails with --strict only."""
    result = CliRunner().invoke(validate, [str(odd)])
    assert result.exit_code == 0
    first, last = result.output.splitlines()
    assert first.startswith(f"{odd}:22: stages[2].weight: warning: 50% is the last stage")
    assert last.startswith(f"{odd}: ok (")
    strict = CliRunner().invoke(validate, ["--strict", str(odd)])
    assert (strict.exit_code, strict.output) == (1, result.output)
    assert CliRunner().invoke(validate, ["--strict", str(EXAMPLE)]).exit_code == 0


def test_json_holds_the_warnings(odd: Path) -> None:
    """Warnings stand beside the faults, in the same form."""
    result = CliRunner().invoke(validate, ["--json", str(odd)])
    (document,) = json.loads(result.stdout)
    assert (document["ok"], document["faults"]) == (True, [])
    assert [(each["line"], each["path"]) for each in document["warnings"]] == [(22, "stages[2].weight")]


def test_traffic_makes_it_warn_of_what_cannot_be_seen() -> None:
    """With --rps the stages are planned for that traffic, and --base-error for those errors."""
    result = CliRunner().invoke(validate, ["--rps", "0.5", str(EXAMPLE)])
    assert result.exit_code == 0
    assert f"{EXAMPLE}:20: stages[0].bake: warning: 5m is too short: at 0.5 requests/s, errors" in result.output
    many = CliRunner().invoke(validate, ["--rps", "2", "--base-error", "20%", str(EXAMPLE)])
    assert "less than the baseline's own 20%" in many.output


@pytest.mark.parametrize("wrong", [["--rps", "0"], ["--base-error", "0%"], ["--base-error", "100%"]])
def test_traffic_that_cannot_be_is_wrong_use(wrong: list[str]) -> None:
    """No traffic, no errors, or nothing else: exit code 2."""
    assert CliRunner().invoke(validate, [*wrong, str(EXAMPLE)]).exit_code == 2


@pytest.mark.parametrize("file", sorted(EXAMPLE.parent.glob("*.yaml")), ids=lambda file: file.name)
def test_the_examples_have_neither_faults_nor_warnings(file: Path) -> None:
    """They are what people copy."""
    result = CliRunner().invoke(validate, ["--strict", "--rps", "1000", str(file)])
    assert (result.exit_code, result.output.count("\n")) == (0, 1)


MEANT = {
    ("approval", "stages[0].approval"),
    ("approval-before-failing", "stages[0].approval"),
    ("bursts-then-failing", "checks.errors.limit"),
    ("crowded-cohorts", "data_quality.split"),
    ("crowded-cohorts", "data_quality.unknown_cohorts"),
    ("full-stage", "checks.errors.ratio"),
    ("grpc-unavailable", "checks"),
    ("latency-regression", "checks"),
    ("long-and-healthy", "checks.errors.ratio"),
    ("long-and-healthy", "checks.slower.ratio"),
    ("nan-events", "min_completeness"),
    ("one-wild-value", "checks"),
    ("two-of-families", "checks.errors.limit"),
}


def test_the_golden_policies_have_only_warnings_that_are_meant() -> None:
    """They are short and begin cold, and most end before everyone has the candidate; what else is odd is meant.

    None of their services answers with 3xx or 4xx, unless that is its story.
    """
    found = set()
    for file in ROOT.glob("tests/golden/*/policy.yaml"):
        (document,) = json.loads(CliRunner().invoke(validate, ["--json", str(file)]).stdout)
        assert document["ok"], file
        found |= {(file.parent.name, each["path"]) for each in document["warnings"]}
    odd = (".weight", ".warmup", ".window", "not_errors", "confidence.dispersion")
    assert {pair for pair in found if not pair[1].endswith(odd)} <= MEANT
