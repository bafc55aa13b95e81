"""Progress of a command on standard error; nothing if standard error is not a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO

LINES_PER_STEP = 2_000
"""The bar of a file moves after this many lines: drawing costs more than reading a line."""


@contextlib.contextmanager
def activity() -> Iterator[Callable[[str], None]]:
    """A function that shows the current activity, in place of the one before."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("starting") as status:
        yield lambda text: status.update(escape(text))


@contextlib.contextmanager
def counting_bar(text: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call after each of `total` steps."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not sys.stderr.isatty(),
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


@contextlib.contextmanager
def reading_bar(text: str, opened: IO[bytes]) -> Iterator[Iterator[bytes]]:
    """The lines of a file, while a bar shows how much of it has been read."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(text), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task("", total=os.fstat(opened.fileno()).st_size)

        def lines() -> Iterator[bytes]:
            size = 0
            for number, line in enumerate(opened):
                size += len(line)
                if number % LINES_PER_STEP == 0:
                    progress.update(task, completed=size)
                yield line

        yield lines()
