"""The validation of a policy file, as JSON values and as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from streams.views.wording import counted


def faults_as_json(found: Sequence[Any]) -> list[dict[str, Any]]:
    """Faults or warnings of a file as JSON values."""
    return [{"line": f.line, "column": f.column, "path": f.path, "message": f.message} for f in found]


def validation_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """A line per fault and warning of a file, and one if the file is valid."""
    file = result["file"]
    for label, found in (("", result["faults"]), ("warning: ", result["warnings"])):
        for each in found:
            yield f"{file}:{each['line']}: {each['path'] or 'policy'}: {label}{each['message']}"
    if result["ok"]:
        stages, checks = counted(result["stages"], "stage"), counted(result["checks"], "check")
        yield f"{file}: ok ({result['rollout']}, {stages}, {checks}, {result['hash']})"
