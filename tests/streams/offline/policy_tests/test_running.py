"""Tests from the folder to the result."""

from __future__ import annotations

from pathlib import Path

from streams.offline.policy_tests.folders import find_tests
from streams.offline.policy_tests.running import run_test

BEGIN = 1_767_225_600_000
EXAMPLES = Path(__file__).parents[4] / "examples" / "policy-tests"


def test_the_examples_pass() -> None:
    """The examples of the documentation are tests that hold."""
    results = [run_test(folder) for folder in find_tests([EXAMPLES])]
    assert len(results) == 4
    assert {each.folder.name: each.faults for each in results if each.status != "ok"} == {}
