"""Modules without a test file of their own are found, and exceptions are needed and point somewhere."""

from pathlib import Path

import pytest

from tools.check_mirror import faults


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Three modules; the last one has its mirror."""
    for path in ("gates/__init__.py", "gates/a.py", "streams/cli/b.py", "streams/c.py", "tests/streams/test_c.py"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


def test_each_module_without_a_mirror_is_a_fault(project: Path) -> None:
    """Packages themselves need none."""
    assert [fault.split(":")[0] for fault in faults(project, {})] == ["gates/a.py", "streams/cli/b.py"]


def test_exceptions_name_the_place(project: Path) -> None:
    """An exception that nothing needs is a fault, and so is one whose module or place does not exist."""
    allowed = {"gates/a.py": "tests/streams/test_c.py", "streams/cli/b.py": "tests/streams"}
    assert not list(faults(project, allowed))
    wrong = {"streams/c.py": "tests/streams", "gates/gone.py": "tests/streams", "gates/a.py": "tests/gates"}
    found = "\n".join(faults(project, allowed | wrong))
    assert "streams/c.py: has its own" in found
    assert "gates/gone.py: does not exist" in found
    assert "gates/a.py: tests/gates does not exist" in found
