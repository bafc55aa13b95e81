"""`sluicegate keys`: make the keys that sign what is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.running import WRONG_USE, Failure

if TYPE_CHECKING:
    from connectors.signing.keys import Algorithm
    from connectors.signing.signatures import Role

SECRET_MODE = 0o600
PUBLIC_MODE = 0o644


@click.group()
def keys() -> None:
    """Make keys for signed orders; docs/security.md tells how to use and to rotate them."""


@keys.command()
@click.option(
    "--algorithm",
    type=click.Choice(["ed25519", "hmac"]),
    default="ed25519",
    show_default=True,
    help="ed25519: who verifies cannot sign. hmac: one secret for all.",
)
@click.option("--id", "identity", metavar="ID", help="The key's name in signatures; default: a random one.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(["gate", "operator", "actuator"]),
    help="Whom the key speaks for (may be given more than once); default: all.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where to write the files; default: here.",
)
def generate(algorithm: Algorithm, identity: str | None, roles: tuple[Role, ...], folder: Path) -> None:
    """Make a key: ID.key, which signs, mode 0600, and for ed25519 ID.pub, which verifies.

    Prints what to set. Exits with 2 if the id cannot be or a file is there already.
    """
    import re
    import secrets

    from connectors.signing.keys import KEY_ID, ROLES
    from connectors.signing.keys import generate as generated

    identity = identity or f"{roles[0] if len(roles) == 1 else 'key'}-{secrets.token_hex(4)}"
    if not re.fullmatch(KEY_ID, identity):
        raise Failure("--id: write up to 64 letters, digits, dots, dashes and underscores", WRONG_USE)
    signing, verifying = generated(algorithm, identity, frozenset(roles or ROLES))
    secret = folder.resolve() / f"{identity}.key"
    public = secret if algorithm == "hmac" else secret.with_suffix(".pub")
    _write(secret, signing.line(), SECRET_MODE)
    if public != secret:
        _write(public, verifying.line(), PUBLIC_MODE)
    click.echo(f"# who signs; keep the file secret\nexport SLUICEGATE_SIGNING_KEY_FILE={secret}")
    click.echo(f"# who verifies: add the key to the file of keys to believe\ncat {public} >> verify.keys")
    click.echo(f"export SLUICEGATE_VERIFY_KEYS_FILE={folder.resolve() / 'verify.keys'}")


def _write(path: Path, line: bytes, mode: int) -> None:
    """Write a file that must be new, never readable by more than `mode` says."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}", WRONG_USE) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(line)
