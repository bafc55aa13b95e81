"""Where tests are found, and the faults of folders that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.offline.policy_tests.folders import UnreadableError, find_tests, load_test
from streams.offline.policy_tests.running import run_test
from tests.pipeline.harness import traffic
from tools.topics_page import examples

BEGIN = 1_767_225_600_000
EXAMPLES = Path(__file__).parents[4] / "examples" / "policy-tests"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a test that passes."""
    (tmp_path / "policy.yaml").write_text(json.dumps(examples.policy().document()))
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in traffic(BEGIN, 5)))
    (tmp_path / "test.yaml").write_text("expect: [start]")
    return tmp_path


def test_a_folder_is_a_test(folder: Path) -> None:
    """It is found once, however often it is named; a policy with events but without expectations is found too."""
    forgotten = folder / "forgotten"
    forgotten.mkdir()
    for name in ("policy.yaml", "events.ndjson"):
        (forgotten / name).write_bytes((folder / name).read_bytes())
    assert find_tests([folder, folder / "forgotten" / ".."]) == [folder, forgotten]
    assert run_test(folder).status == "ok"
    missing = run_test(forgotten)
    assert (missing.status, missing.faults[0].split(": ")[1]) == ("unreadable", "is missing beside events.ndjson")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("test.yaml", "", "test.yaml:1: test: is empty"),
        ("test.yaml", "expect: [start\n", "test.yaml:2: test: is not valid YAML"),
        ("test.yaml", "policy: none.yaml\nexpect: [start]", "none.yaml: cannot be read: No such file"),
        ("test.yaml", "events: none.ndjson\nexpect: [start]", "none.ndjson: cannot be read: No such file"),
        (
            "test.yaml",
            "expect: [{action: start, stage: tenth}]",
            "expect[0].stage: 'tenth' is not a stage",
        ),
        (
            "test.yaml",
            "expect: [{action: start, check: p95 fails}]",
            "expect[0].check: 'p95' is not a check of the policy",
        ),
        ("policy.yaml", "rollout: x", "policy.yaml:1: checks: is missing"),
        ("events.ndjson", "nonsense", "events.ndjson: holds no events"),
    ],
)
def test_what_cannot_be_read_is_reported(folder: Path, file: str, content: str, words: str) -> None:
    """A test that cannot be run neither passes nor fails."""
    (folder / file).write_text(content)
    result = run_test(folder)
    assert result.status == "unreadable"
    assert words in "\n".join(result.faults)


def test_a_name_that_is_no_path_is_reported(folder: Path) -> None:
    """No name of a file leads to a traceback."""
    (folder / "test.yaml").write_text(f"policy: {'x' * 400}\nexpect: [start]")
    with pytest.raises(UnreadableError, match="cannot be read"):
        load_test(folder)
