"""The actuator that writes wanted weights to a JSON file, for a router that reads one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from connectors.actuators.wanted import Token, Wanted


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
    `apply` returns. After a restart the last order applied is read from it. Only one process may write a file.

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
        self._read()

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        """Write the state; return its weights as read back from the file. Raises OSError, ValueError."""
        return await asyncio.to_thread(self._apply, wanted)

    def last_applied(self) -> Mapping[str, tuple[int, int]]:
        """(epoch, sequence) by rollout, as the file has them. Raises OSError, ValueError."""
        return {rollout: entry.token for rollout, entry in self._read().items()}

    def _apply(self, wanted: Wanted) -> Mapping[str, float]:
        with self._lock:  # rollouts share the file, and the thread of a cancelled apply may still be writing
            entries = self._read()
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
            return self._read()[wanted.rollout].weights

    def _read(self) -> dict[str, Entry]:
        try:
            return _decode(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{self._path} is not a file of wanted weights: {error}") from error


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
