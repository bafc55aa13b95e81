"""SIGTERM before a command has begun: it ends the process, also where the kernel would ignore it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.cli.sigterm import TERMINATED, end_on_lost_sigterm
from tests.paths import ROOT

SLUICEGATE = str(Path(sys.executable).with_name("sluicegate"))

SLOW_IMPORT = """
import sys, time
print("importing", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """Leave the handler as it was, and begin with that of a process that was just started."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_sigterm_while_libraries_are_imported(tmp_path: Path) -> None:
    """As for number 1 of a container, where the kernel ignores SIGTERM like here, until the first handler."""
    (tmp_path / "click.py").write_text(SLOW_IMPORT)
    running = subprocess.Popen(
        [SLUICEGATE, "worker"],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),  # noqa: PLW1509 - no lock is held
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == b"importing\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=60) == TERMINATED
    finally:
        running.kill()
        running.communicate()


@pytest.mark.parametrize(("pid", "handled"), [(1, True), (4711, False)])
def test_only_process_1_needs_a_handler(monkeypatch: pytest.MonkeyPatch, pid: int, *, handled: bool) -> None:
    """Others are ended by default; a program that imports the command keeps that."""
    monkeypatch.setattr("os.getpid", lambda: pid)
    end_on_lost_sigterm()
    assert (signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL) == handled


def test_a_handler_stays() -> None:
    """A program that imports the command may have its own."""

    def own(*_: object) -> None:
        """Do nothing."""

    signal.signal(signal.SIGTERM, own)
    end_on_lost_sigterm()
    assert signal.getsignal(signal.SIGTERM) is own


def test_another_thread_that_imports() -> None:
    """Python lets only the main thread set a handler: the import goes on without."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    thread = threading.Thread(target=end_on_lost_sigterm)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
