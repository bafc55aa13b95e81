"""The validation of a policy file as lines."""

from typing import Any

from streams.views.validation import validation_lines

FAULT = {"line": 3, "column": 1, "path": "", "message": "is empty"}


def test_faults_and_warnings_have_their_line() -> None:
    """A fault of the whole file is about the policy."""
    result: dict[str, Any] = {
        "file": "p.yaml",
        "ok": False,
        "faults": [FAULT],
        "warnings": [FAULT | {"path": "checks"}],
    }
    assert list(validation_lines(result)) == ["p.yaml:3: policy: is empty", "p.yaml:3: checks: warning: is empty"]


def test_a_valid_file_is_one_line() -> None:
    """With its rollout and sizes."""
    sizes = {"rollout": "r", "stages": 1, "checks": 2, "hash": "sha256:0"}
    result: dict[str, Any] = {"file": "-", "ok": True, "faults": [], "warnings": [], **sizes}
    assert list(validation_lines(result)) == ["-: ok (r, 1 stage, 2 checks, sha256:0)"]
