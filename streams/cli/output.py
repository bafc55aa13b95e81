"""What commands print: documents as JSON, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import RenderableType


def print_json(document: object) -> None:
    """Print a document as one line of JSON."""
    from streams.journal import encode_document

    click.echo(encode_document(document))


def print_view(view: RenderableType, width: int | None = None) -> None:
    """Print a table or another view of rich on standard output; `width` overrides the width of the terminal."""
    from rich.console import Console

    Console(width=width).print(view)


def print_lines(lines: Sequence[str]) -> None:
    """Print lines of text, all at once."""
    click.echo("\n".join(lines))
