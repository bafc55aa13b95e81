"""How a command ends before it is done: one line on standard error, and an exit code."""

from __future__ import annotations

from typing import IO, Any

import click

FAILED = 1
"""The exit code where a command ran and the answer is bad: a fault found, an order refused, no broker."""

ROLLED_BACK = 3
"""The exit code of `rollout watch` for a rollback that is confirmed."""

UNCONFIRMED = 6
"""The exit code where an end was decided, and actuators did not confirm its weights in time."""

WRONG_USE = 2
"""The exit code where a command could not run as called: a bad option, variable or file. Click uses 2 as well."""


class Failure(click.ClickException):
    """An error that the user can correct: one line on standard error, and an exit code."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"sluicegate: {self.message}", file=file, err=file is None)


def unreadable(file: object, error: OSError) -> Failure:
    """The failure for a file that cannot be read."""
    return Failure(f"{file}: cannot be read: {error.strerror or error}", WRONG_USE)


def unwritable(file: object, error: OSError) -> Failure:
    """The failure for a file that cannot be written."""
    return Failure(f"{file}: cannot be written: {error.strerror or error}", WRONG_USE)
