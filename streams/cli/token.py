"""`sluicegate token`: generate the bearer token of a worker's /metrics."""

from __future__ import annotations

import click


@click.group()
def token() -> None:
    """Generate the bearer token of a worker's pages; docs/security.md describes how to use and rotate it."""


@token.command()
def generate() -> None:
    """Print a new token, and its hash to standard error.

    Give the token to the scraper. Set SLUICEGATE_WEB_TOKEN_HASH to the hash, which does not reveal the token.
    """
    import secrets
    from hashlib import sha256

    new = secrets.token_urlsafe(32)
    click.echo(new)
    click.echo(f"SLUICEGATE_WEB_TOKEN_HASH=sha256:{sha256(new.encode()).hexdigest()}", err=True)
