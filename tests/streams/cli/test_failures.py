"""How a command ends when something is wrong."""

import errno

import click
import pytest
from click.testing import CliRunner

from streams.cli.failures import FAILED, WRONG_USE, Failure, unreadable, unwritable


@pytest.mark.parametrize("code", [FAILED, WRONG_USE])
def test_a_failure_is_one_line_on_standard_error(code: int) -> None:
    """With the exit code that it was made with."""

    @click.command()
    def failing() -> None:
        raise Failure("no such thing", code)

    done = CliRunner().invoke(failing)
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", "sluicegate: no such thing\n")


def test_files_are_named() -> None:
    """A file that cannot be read or written is wrong use."""
    error = OSError(errno.ENOENT, "No such file or directory")
    read, written = unreadable("a.yaml", error), unwritable("b.html", error)
    assert read.message == "a.yaml: cannot be read: No such file or directory"
    assert written.message == "b.html: cannot be written: No such file or directory"
    assert (read.exit_code, written.exit_code) == (WRONG_USE, WRONG_USE)
