"""`sluicegate test`: what it prints and how it exits."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli.test import test as command
from tests.streams.cli.test_replay import POLICY, events


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write two tests about one policy: one that passes, and one that does not."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "recorded.ndjson").write_text(events(30, bad_from=15))
    for name, expected in (("good", "[start, advance, rollback]"), ("wrong", "[start, ..., promote]")):
        (tmp_path / name).mkdir()
        words = f"policy: ../policy.yaml\nevents: ../recorded.ndjson\nexpect: {expected}\n"
        (tmp_path / name / "test.yaml").write_text(words)
    return tmp_path


def run(*words: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(command, list(map(str, words)))


def test_all_pass(folder: Path) -> None:
    """A line for each, a count, exit code 0."""
    result = run(folder / "good")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == f"ok         {folder / 'good'}"
    assert second.startswith("1 ok in ")


def test_one_fails(folder: Path) -> None:
    """The reason and both sides; exit code 1."""
    (folder / "recorded.ndjson").write_text(events(12, bad_from=99))
    (folder / "good" / "test.yaml").unlink()
    result = run(folder / "wrong")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == f"FAILED     {folder / 'wrong'}"
    assert lines[1].startswith("    expected promote, but none followed +0s start at canary (")
    assert lines[2:5] == [
        "      expected     found",
        "      start        +0s start at canary",
        "    > ... promote  +10s advance at half",
    ]
    assert lines[5].startswith("1 failed in ")


def test_what_cannot_be_read_decides_the_exit_code(folder: Path) -> None:
    """Every fault with its line, the other tests all the same, exit code 2."""
    (folder / "good" / "test.yaml").write_text("expect: [strat]\nbogus: 1\npolicy: ../policy.yaml\n")
    result = run(folder)
    assert result.exit_code == 2
    assert f"{folder / 'good' / 'test.yaml'}:1: expect[0].action: 'strat' is not known" in result.stdout
    assert f"{folder / 'good' / 'test.yaml'}:2: bogus: is an unknown key" in result.stdout
    assert "1 failed, 1 unreadable in " in result.stdout


def test_nothing_tested_is_no_success(tmp_path: Path) -> None:
    """A folder without tests, one that is not there, and a file are errors."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        result = run(path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("sluicegate: ")
        assert result.stderr.count("\n") == 1
    assert run().exit_code == 2


def test_json_and_junit(folder: Path) -> None:
    """Both hold every test; stdout is one document."""
    result = run(folder, "--json", "--junit", folder / "junit.xml")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["failed"], document["unreadable"]) == (1, 1, 1, 0)
    good, wrong = document["tests"]
    assert [decision["action"] for decision in good["decisions"]] == ["start", "advance", "rollback"]
    assert (wrong["status"], wrong["comparison"][-1]["fits"]) == ("failed", False)
    assert (folder / "junit.xml").read_text().count("<testcase ") == 2
    assert run(folder, "--junit", folder / "none" / "junit.xml").exit_code == 2
