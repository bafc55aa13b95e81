"""The actuator that writes wanted weights to a JSON file, for a router that reads one."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import threading
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

    @property
    def token(self) -> Token:
        """(epoch, sequence)."""
        return Token(self.epoch, self.sequence)


_decode: Final = msgspec.json.Decoder(dict[str, Entry]).decode


class FileActuator:
    """Keeps {rollout: {weights, stage, epoch, sequence, id, action, reason}} in a JSON file that is always complete.

    The file is replaced, never changed in place, so a reader sees the old state or the new. It is on the disk when
    `apply` returns. After a restart the last order applied is read from it. Several processes may write a file: each
    locks its folder meanwhile, and keeps what the others wrote. A file that was deleted or damaged is written again
    with all rollouts that it had; a damaged one is kept beside it, as NAME.damaged.

    Raises:
        ValueError: the file exists and has another content.
        OSError: it cannot be read, or its folder does not exist.
    """

    def __init__(self, path: str | os.PathLike[str], name: str = "file") -> None:
        self.name = name
        self._path = Path(path).resolve()  # a link stays a link; the file that it points to is replaced
        self._lock = threading.Lock()
        if not self._path.parent.is_dir():
            raise FileNotFoundError(f"no such folder: {self._path.parent}")
        self._known = self._read()

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Write the state; return its weights as read back from the file. Raises OSError, ValueError."""
        return await asyncio.to_thread(self._apply, wanted)

    def last_applied(self) -> Mapping[str, tuple[int, int]]:
        """(epoch, sequence) by rollout, as the file has them. Raises OSError, ValueError."""
        return {rollout: entry.token for rollout, entry in self._read().items()}

    async def observe(self, wanted: Wanted) -> Mapping[str, float] | None:
        """The rollout's weights as the file has them; empty if it does not have them. Raises OSError."""
        return await asyncio.to_thread(self._observe, wanted)

    def _observe(self, wanted: Wanted) -> Mapping[str, float] | None:
        try:
            entry = self._read().get(wanted.rollout)
        except ValueError:  # damaged
            return {}
        if entry is None or entry.token < wanted.token:
            return {}
        return entry.weights if entry.token == wanted.token else None

    def _apply(self, wanted: Wanted) -> Mapping[str, float]:
        # Rollouts and processes share the file, and the thread of a cancelled apply may still be writing.
        with self._lock, _locked(self._path.parent):
            entries = self._present()
            known = entries.get(wanted.rollout)
            if known is not None and known.token > wanted.token:
                raise ValueError(f"{self._path} already has {known.token}, which is newer")
            entries[wanted.rollout] = Entry(
                weights=dict(wanted.weights),
                stage=wanted.stage,
                epoch=wanted.epoch,
                sequence=wanted.sequence,
                id=wanted.id,
                action=wanted.action.value,
                reason=wanted.reason,
            )
            _replace(self._path, msgspec.json.format(msgspec.json.encode(entries, order="sorted")) + b"\n")
            self._known = self._read()
            written = self._known.get(wanted.rollout)
            if written != entries[wanted.rollout]:  # another program, which does not lock: nothing is confirmed then
                raise ValueError(f"{self._path} was replaced by another program at the same time")
            return written.weights

    def _present(self) -> dict[str, Entry]:
        """What the file has; where it was lost meanwhile, what it had."""
        try:
            found = self._read()
        except ValueError:
            if not self._known:
                raise
            damaged = self._path.with_name(f"{self._path.name}.damaged")
            self._path.replace(damaged)
            _log.warning("%s was damaged; it is kept as %s, and written again", self._path, damaged)
            return dict(self._known)
        if not found and self._known:
            _log.warning(
                "%s was deleted or emptied; it is written again, with %d rollouts", self._path, len(self._known)
            )
            return dict(self._known)
        return found

    def _read(self) -> dict[str, Entry]:
        try:
            return _decode(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{self._path} is not a file of wanted weights: {error}") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
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


def _replace(path: Path, content: bytes) -> None:
    """Replace the file by this content, all or nothing, and sync it to the disk."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
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
