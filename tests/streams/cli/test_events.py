"""`sluicegate events check`: what it prints, where, and how it exits."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli.events import events

GOOD = b'{"ts":1767225600123,"rollout":"r","cohort":"c","status":200,"latency_ms":1}\n'
LATE = GOOD.replace(b"0123", b"0000")


def check(*arguments: str, stdin: bytes = b"") -> Result:
    """Run the command."""
    return CliRunner().invoke(events, ["check", *arguments], input=stdin)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Write a file of two good lines and two bad ones."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(GOOD + b"{\n" + LATE + b"[7]\n")
    return path


def test_good() -> None:
    """Good events: nothing on stdout, a one-line summary on stderr, exit code 0."""
    result = check("-", stdin=GOOD + LATE)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "2 events in 1 rollout; 1 cohort; 2026-01-01T00:00:00.000Z to 2026-01-01T00:00:00.123Z; 0 faults\n"
    )


def test_faults(written: Path) -> None:
    """Each fault is a line with file, line, reason and detail; exit code 1."""
    result = check(str(written))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{written}:2: bad_json: Input data was truncated",
        f"{written}:4: not_an_object: element 0: Expected `object`, got `int`",
    ]
    assert result.stderr.endswith("; 2 faults (bad_json 1, not_an_object 1)\n")


def test_json(written: Path) -> None:
    """With --json stdout holds an object for each fault, then one with the summary, and stderr nothing."""
    result = check(str(written), "--json")
    first, second, last = map(json.loads, result.stdout.splitlines())
    assert (first["file"], first["line"], first["reason"]) == (str(written), 2, "bad_json")
    assert (second["line"], second["position"]) == (4, 0)
    assert last["summary"]["events"] == 2
    assert last["summary"]["faults_not_shown"] == 0
    assert (result.exit_code, result.stderr) == (1, "")


@pytest.mark.parametrize(("arguments", "shown"), [([], 100), (["--max-faults", "3"], 3), (["--max-faults", "0"], 0)])
def test_max_faults(arguments: list[str], shown: int) -> None:
    """After --max-faults it stops printing, continues counting, and prints how many more there are."""
    result = check("-", *arguments, stdin=b"7\n" * 150 + GOOD)
    assert len(result.stdout.splitlines()) == shown
    assert result.stderr.startswith("1 event ")
    assert result.stderr.endswith(f"150 faults (not_an_object 150); {150 - shown} more not shown\n")
    assert result.exit_code == 1


def test_empty_input() -> None:
    """No lines are no faults."""
    result = check("-")
    assert (result.exit_code, result.stderr) == (0, "0 events in 0 rollouts; 0 cohorts; 0 faults\n")


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is exit code 2."""
    assert check(str(tmp_path / "absent")).exit_code == 2
    assert check(str(tmp_path)).exit_code == 2
