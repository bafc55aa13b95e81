"""Reading the policy file that a command is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streams.cli.failures import Failure, unreadable

if TYPE_CHECKING:
    from gates.policy import Policy


def load_policy(file: str) -> Policy:
    """The policy in a file (- is standard input).

    Raises:
        Failure: it cannot be read (exit code 2), or has faults (1); the message has each fault with its line.
    """
    from connectors.policy_files import PolicyFileError, load

    try:
        return load(read_policy_bytes(file), source=file)
    except OSError as error:
        raise unreadable(file, error) from None
    except PolicyFileError as error:
        raise Failure(f"{file} is not a valid policy:\n{error}") from None


def read_policy_bytes(file: str) -> bytes:
    """The content of a file (- is standard input), or one byte more than a policy may have.

    The limit keeps an endless file from filling the memory; the extra byte shows that the file is too large.

    Raises:
        OSError: the file cannot be read.
    """
    from connectors.policy_files import LARGEST_BYTES

    with click.open_file(file, "rb") as opened:
        content: bytes = opened.read(LARGEST_BYTES + 1)
    return content
