"""`sluicegate backtest` on recorded events: both sides, as text and as JSON, and how it exits."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli.backtest import backtest
from tests.streams.cli.test_replay import POLICY, events


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Write two policies, the events of a canary that fails from the 15th second on, and a line that is none."""
    (tmp_path / "old.yaml").write_text(POLICY.replace("limit: 10%", "limit: 40%"))
    (tmp_path / "new.yaml").write_text(POLICY)
    (tmp_path / "events.ndjson").write_text(events(30, bad_from=15) + "nonsense\n")
    return tmp_path


def run(files: Path, *words: object) -> Result:
    """Run the command with the new policy."""
    return CliRunner().invoke(backtest, ["--policy", str(files / "new.yaml"), *map(str, words)])


def test_the_new_policy_alone(files: Path) -> None:
    """Its decisions and where they end; faults are on stderr."""
    result = run(files, "--events", files)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"checkout-v2, {files / 'events.ndjson'}"
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["00:00:00Z", "start", "canary"],
        ["00:00:10Z", "advance", "half"],
        ["00:00:17Z", "rollback", "half"],
    ]
    assert lines[4:] == ["  would have been rolled back at stage half", "", "1 recorded rollout judged"]
    assert result.stderr == f"{files / 'events.ndjson'}: lines that are not events: bad_json 1\n"


def test_beside_the_old_one(files: Path) -> None:
    """The first difference is marked, with the reasons, and a sentence sums up; the limits of a backtest follow."""
    result = run(files, "--events", files / "events.ndjson", "--against", files / "old.yaml")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [word.strip() for word in lines[1].split("by ")[1:]] == [str(files / "old.yaml"), str(files / "new.yaml")]
    assert [line.split()[-2:] for line in lines[2:4]] == [["the", "same"]] * 2
    assert lines[4].startswith("  > 2026-01-01 00:00:17Z  -  ")
    assert lines[4].endswith("rollback at half (stable 100%, canary 0%)")
    assert lines[5].startswith(f"        by {files / 'new.yaml'}: errors: canary ")
    assert any(line.startswith("  also rolled back, ") and line.endswith(" earlier") for line in lines)
    assert lines[-2] == "1 recorded rollout judged: 1 would have been decided differently"
    assert lines[-1].startswith("After the first difference the traffic was still split as recorded.")


def test_json_holds_both_sides(files: Path) -> None:
    """One document: decisions as they are published, the first difference, the sentence."""
    (files / "more.ndjson").write_text(events(12, bad_from=99))
    words = ("--events", files / "events.ndjson", files / "more.ndjson", "--against", files / "old.yaml", "--json")
    document = json.loads(run(files, *words).stdout)
    one, other = document["rollouts"]
    assert (one["same"], one["first_difference"], one["instead"][-1]["action"]) == (False, 1767225617000, "rollback")
    assert (other["same"], other["first_difference"], other["summary"]) == (True, None, "the same decisions")
    assert other["recorded"][0]["schema"] == "sluicegate.decision/v1"


def test_what_cannot_be_judged(files: Path) -> None:
    """Other cohorts, no events, an unknown rollout: a reason each, and exit code 1."""
    (files / "new.yaml").write_text(POLICY.replace("candidate: canary", "candidate: v2"))
    result = run(files, "--events", files)
    assert result.exit_code == 1
    assert "not judged: its cohorts are canary and stable, and the policy compares v2 with stable\n" in result.stderr
    assert result.stderr.endswith("sluicegate: this policy could judge no recorded rollout\n")
    unknown = run(files, "--events", files, "--rollout", "search")
    assert (unknown.exit_code, "no rollout search in the files; known: checkout-v2\n" in unknown.stderr) == (1, True)
    (files / "events.ndjson").write_text("")
    assert "events.ndjson: holds no events\n" in run(files, "--events", files).stderr


def test_missing_files(files: Path) -> None:
    """What cannot be read is one line and exit code 2, a folder without events too."""
    (files / "empty").mkdir()
    for words in (["--events", files / "none"], ["--events", files / "empty"], ["--events", files, files / "none"]):
        result = run(files, *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "cannot be read: " in result.stderr
    assert run(files, "--events", files, "--against", files / "none").exit_code == 2


@pytest.mark.parametrize(
    "words", [[], ["--journal", "--events", "x"], ["--journal", "--against", "x"], ["--journal", "x"]]
)
def test_unclear_words_are_wrong_use(files: Path, words: list[str]) -> None:
    """Exactly one kind of record must be given."""
    assert run(files, *words).exit_code == 2
