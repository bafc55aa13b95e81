"""SIGTERM before a command has begun. It imports next to nothing: it must be there before what takes long to import."""

from __future__ import annotations

import contextlib
import os
import signal

TERMINATED = 143
"""The exit code that shells report for a program ended by SIGTERM."""


def end_on_sigterm(exit_code: int = TERMINATED) -> None:
    """End the process at once on SIGTERM, until a command installs a handler of its own.

    In a container the process is number 1, for which the kernel ignores a signal without a handler: a stop during the
    start would then wait until the process is killed. The end is immediate, as it is by default for other processes: an
    exception would first wait for threads, such as one that looks up the address of Kafka.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(exit_code))


def end_on_lost_sigterm() -> None:
    """The same, if the kernel would ignore SIGTERM until there is a handler; other processes end by default.

    It is for the time of the imports, so a handler that is there stays.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if handler == signal.SIG_IGN or (handler == signal.SIG_DFL and os.getpid() == 1):
        with contextlib.suppress(ValueError):  # only the main thread may, which runs the command
            end_on_sigterm()
