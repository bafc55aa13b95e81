"""Results as JUnit XML."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from streams.offline.policy_tests.junit import junit
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


def test_junit_separates_failures_from_errors(folder: Path) -> None:
    """One case per test, with its faults."""
    good = run_test(folder)
    (folder / "test.yaml").write_text("expect: [promote]")
    bad = run_test(folder)
    (folder / "test.yaml").unlink()
    suite = ElementTree.fromstring(junit([good, bad, run_test(folder)]))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[each.tag for each in case] for case in suite] == [[], ["failure"], ["error"]]
    assert suite[1][0].get("message", "").startswith("expected promote, but found +0s start at canary")
