"""`sluicegate keys`: generate the keys that sign orders, decisions and acks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.failures import WRONG_USE, Failure

if TYPE_CHECKING:
    from connectors.signing.keys import Algorithm
    from connectors.signing.signatures import Role

SECRET_MODE = 0o600
PUBLIC_MODE = 0o644


@click.group()
def keys() -> None:
    """Generate keys for signed orders; docs/security.md describes how to use and rotate them."""


@keys.command()
@click.option(
    "--algorithm",
    type=click.Choice(["ed25519", "hmac"]),
    default="ed25519",
    show_default=True,
    help="ed25519: who verifies cannot sign. hmac: one shared secret.",
)
@click.option("--id", "identity", metavar="ID", help="The key's name in signatures  [default: a random one]")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(["gate", "operator", "actuator"]),
    help="A role whose messages the key may sign (repeatable)  [default: all]",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="The folder of the files  [default: the current one]",
)
def generate(algorithm: Algorithm, identity: str | None, roles: tuple[Role, ...], folder: Path) -> None:
    """Generate a key: ID.key signs and has mode 0600; with ed25519, ID.pub verifies.

    Prints the variables to set. Exits with 2 if the id is invalid or a file exists already.
    """
    import re
    import secrets

    from connectors.signing.keys import KEY_ID, ROLES
    from connectors.signing.keys import generate as generate_key

    identity = identity or f"{roles[0] if len(roles) == 1 else 'key'}-{secrets.token_hex(4)}"
    if not re.fullmatch(KEY_ID, identity):
        raise Failure("--id: write up to 64 letters, digits, dots, dashes and underscores", WRONG_USE)
    signing, verifying = generate_key(algorithm, identity, frozenset(roles or ROLES))
    secret = folder.resolve() / f"{identity}.key"
    public = secret if algorithm == "hmac" else secret.with_suffix(".pub")
    _write_new(secret, signing.line(), SECRET_MODE)
    if public != secret:
        _write_new(public, verifying.line(), PUBLIC_MODE)
    click.echo(f"# where messages are signed; keep the file secret\nexport SLUICEGATE_SIGNING_KEY_FILE={secret}")
    click.echo(f"# where signatures are verified: add the key to the accepted keys\ncat {public} >> verify.keys")
    click.echo(f"export SLUICEGATE_VERIFY_KEYS_FILE={folder.resolve() / 'verify.keys'}")


def _write_new(path: Path, line: bytes, mode: int) -> None:
    """Write a file that must not exist yet; it has its mode from the first byte on, so nobody else can read a key."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}", WRONG_USE) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(line)
