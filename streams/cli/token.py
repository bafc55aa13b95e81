"""`sluicegate token`: make the token that a worker's /metrics asks for."""

from __future__ import annotations

import click


@click.group()
def token() -> None:
    """Make the bearer token that a worker's pages ask for; docs/security.md tells how to use and to change it."""


@token.command()
def generate() -> None:
    """Print a new token, and to standard error its hash.

    The token is for who scrapes; the hash, which gives nothing away, is for SLUICEGATE_WEB_TOKEN_HASH.
    """
    import secrets
    from hashlib import sha256

    made = secrets.token_urlsafe(32)
    click.echo(made)
    click.echo(f"SLUICEGATE_WEB_TOKEN_HASH=sha256:{sha256(made.encode()).hexdigest()}", err=True)
