"""What a command is busy with, on a terminal; nothing where standard error is none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def busy() -> Iterator[Callable[[str], None]]:
    """A function that shows what is being done now, in place of what it showed before."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("starting") as status:
        yield lambda words: status.update(escape(words))
