"""A file of weights by rollout on the disk: read, replaced as a whole, and locked."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from connectors.actuators.wanted import Token, Wanted
from connectors.error_text import text_of

LOCK_S: Final = 10.0
"""How long an apply waits for another process that writes."""

_log = logging.getLogger(__name__)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One rollout in the file; `weights` are per cent of the traffic by cohort."""

    weights: dict[str, float]
    stage: str
    epoch: int
    sequence: int
    id: str
    action: str
    reason: str

    @classmethod
    def of(cls, wanted: Wanted) -> Entry:
        """The entry of an order."""
        return cls(
            weights=dict(wanted.weights),
            stage=wanted.stage,
            epoch=wanted.epoch,
            sequence=wanted.sequence,
            id=wanted.id,
            action=wanted.action.value,
            reason=wanted.reason,
        )

    @property
    def token(self) -> Token:
        """(epoch, sequence)."""
        return Token(self.epoch, self.sequence)


_decode: Final = msgspec.json.Decoder(dict[str, Entry]).decode


def read(path: Path) -> dict[str, Entry]:
    """The entries by rollout; none if the file is missing or empty.

    Raises:
        OSError: it cannot be read, or is a folder or a device.
        ValueError: it has other content.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a device must not be read, and never be replaced
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        return _decode(content) if content.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not a file of wanted weights: {error}") from error


def replace(path: Path, entries: Mapping[str, Entry]) -> None:
    """Replace the file by these entries, all or nothing, and sync it to the disk."""
    draft = _draft(path)
    try:
        with draft.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(entries, order="sorted")) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_writable(path: Path) -> None:
    """Raise OSError if no file can be made in its folder."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no such folder: {path.parent}")
    draft = _draft(path)
    try:
        draft.touch()
        draft.unlink()
    except OSError as error:
        raise OSError(f"{path} cannot be written: no file can be made in its folder: {error.strerror}") from error


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder against other actuators. Not by a file in it, which would stay behind there.

    Raises:
        TimeoutError: another process has held the lock for `LOCK_S`.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + LOCK_S
        while not _try_lock(handle, folder):
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process has held the lock of {folder} for {LOCK_S:g} s")
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)  # which also unlocks


def _try_lock(handle: int, folder: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # some network file systems cannot lock a folder
        _log.warning("%s cannot be locked (%s): only one process may write files in it", folder, text_of(error))
    return True
